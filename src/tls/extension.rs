//! The extensions whose content is read, by their numbers (IANA's TLS ExtensionType Values).
#![forbid(unsafe_code)]

pub const SERVER_NAME: u16 = 0;
pub const MAX_FRAGMENT_LENGTH: u16 = 1;
pub const STATUS_REQUEST: u16 = 5;
pub const SUPPORTED_GROUPS: u16 = 10;
pub const EC_POINT_FORMATS: u16 = 11;
pub const SIGNATURE_ALGORITHMS: u16 = 13;
pub const HEARTBEAT: u16 = 15;
pub const ALPN: u16 = 16;
pub const STATUS_REQUEST_V2: u16 = 17;
pub const SIGNED_CERTIFICATE_TIMESTAMP: u16 = 18;
pub const PADDING: u16 = 21;
pub const EXTENDED_MASTER_SECRET: u16 = 23;
pub const COMPRESS_CERTIFICATE: u16 = 27;
pub const RECORD_SIZE_LIMIT: u16 = 28;
pub const SESSION_TICKET: u16 = 35;
/// key_share until draft 22 of TLS 1.3.
pub const KEY_SHARE_DRAFT: u16 = 40;
pub const PRE_SHARED_KEY: u16 = 41;
pub const EARLY_DATA: u16 = 42;
pub const SUPPORTED_VERSIONS: u16 = 43;
pub const COOKIE: u16 = 44;
pub const PSK_KEY_EXCHANGE_MODES: u16 = 45;
pub const SIGNATURE_ALGORITHMS_CERT: u16 = 50;
pub const KEY_SHARE: u16 = 51;
pub const QUIC_TRANSPORT_PARAMETERS: u16 = 57;
pub const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
pub const RENEGOTIATION_INFO: u16 = 0xff01;
/// quic_transport_parameters until draft 32 of QUIC-TLS.
pub const QUIC_TRANSPORT_PARAMETERS_DRAFT: u16 = 0xffa5;
