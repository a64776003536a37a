//! QUIC's versions and transport parameters (the IANA registry "QUIC", and numbers that its drafts and Google used).

use std::fmt;
use std::str::FromStr;

/// A version of QUIC: `1`, `2`, `draft-29`, gQUIC's `Q046`; others `0xNNNNNNNN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuicVersion(pub u32);

impl fmt::Display for QuicVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.0.to_be_bytes()) {
            (0x0000_0001, _) => f.write_str("1"),
            (0x6b33_43cf, _) => f.write_str("2"),
            (_, [0xff, 0, 0, draft @ 1..=99]) => write!(f, "draft-{draft:02}"),
            (_, [b'Q' | b'T', b'0', tens @ b'0'..=b'9', ones @ b'0'..=b'9']) => {
                let [letter, ..] = self.0.to_be_bytes();
                write!(f, "{}0{}{}", char::from(letter), char::from(tens), char::from(ones))
            }
            (0xface_b000..=0xface_b00f, _) => write!(f, "mvfst-{:x}", self.0 & 0xf),
            _ => write!(f, "0x{:08x}", self.0),
        }
    }
}

/// Reads what the version's own form says.
impl FromStr for QuicVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let hex = |digits: &str| u32::from_str_radix(digits, 16).map_err(drop);
        let version = match text {
            "1" => 0x0000_0001,
            "2" => 0x6b33_43cf,
            _ => match (text.strip_prefix("draft-"), text.strip_prefix("mvfst-"), text.strip_prefix("0x")) {
                (Some(draft), ..) => 0xff00_0000 | u32::from(draft.parse::<u8>().map_err(drop)?),
                (_, Some(number), _) => 0xface_b000 | hex(number)?,
                (.., Some(number)) => hex(number)?,
                _ => u32::from_be_bytes(text.as_bytes().try_into().map_err(drop)?),
            },
        };
        // Whatever has another form was no version's.
        Some(Self(version)).filter(|version| version.to_string() == text).ok_or(())
    }
}

/// A transport parameter's number, as `0xNNNN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParameterId(pub u64);

impl fmt::Display for ParameterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04x}", self.0)
    }
}

/// What is registered of a transport parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportParameter {
    pub name: &'static str,
    /// Whether its value is one variable-length integer.
    pub is_integer: bool,
}

/// A transport parameter (the registry "QUIC Transport Parameters", and numbers of drafts and of Google's).
pub fn transport_parameter(id: u64) -> Option<TransportParameter> {
    let at = PARAMETERS.binary_search_by_key(&id, |&(known, ..)| known).ok()?;
    PARAMETERS.get(at).map(|&(_, name, is_integer)| TransportParameter { name, is_integer })
}

const PARAMETERS: &[(u64, &str, bool)] = &[
    (0x00, "original_destination_connection_id", false),
    (0x01, "max_idle_timeout", true),
    (0x02, "stateless_reset_token", false),
    (0x03, "max_udp_payload_size", true),
    (0x04, "initial_max_data", true),
    (0x05, "initial_max_stream_data_bidi_local", true),
    (0x06, "initial_max_stream_data_bidi_remote", true),
    (0x07, "initial_max_stream_data_uni", true),
    (0x08, "initial_max_streams_bidi", true),
    (0x09, "initial_max_streams_uni", true),
    (0x0a, "ack_delay_exponent", true),
    (0x0b, "max_ack_delay", true),
    (0x0c, "disable_active_migration", false),
    (0x0d, "preferred_address", false),
    (0x0e, "active_connection_id_limit", true),
    (0x0f, "initial_source_connection_id", false),
    (0x10, "retry_source_connection_id", false),
    (0x11, "version_information", false),
    (0x20, "max_datagram_frame_size", true),
    (0x1057, "loss_bits", true),
    (0x173e, "discard", false),
    (0x26ab, "google_handshake_message", false),
    (0x2ab2, "grease_quic_bit", false),
    (0x3127, "initial_rtt", true),
    (0x3128, "google_connection_options", false),
    (0x3129, "user_agent", false),
    (0x312a, "google_support_handshake_done", false),
    (0x312b, "google_key_update_not_yet_supported", false),
    (0x4751, "google_quic_parameters", false),
    (0x4752, "google_version", false),
    (0x7157, "enable_time_stamp", false),
    (0x7158, "enable_time_stamp_v2", true),
    (0xff02_de1a, "min_ack_delay", true),
    (0xff03_de1a, "min_ack_delay", true),
    (0xff04_de1b, "min_ack_delay", true),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_the_names_people_use() {
        for (number, name) in [
            (1, "1"),
            (0x6b33_43cf, "2"),
            (0xff00_001d, "draft-29"),
            (0xff00_0016, "draft-22"),
            (u32::from_be_bytes(*b"Q046"), "Q046"),
            (u32::from_be_bytes(*b"T051"), "T051"),
            (0xface_b002, "mvfst-2"),
            (0x1a2a_3a4a, "0x1a2a3a4a"),
        ] {
            assert_eq!(QuicVersion(number).to_string(), name);
            assert_eq!(name.parse(), Ok(QuicVersion(number)));
        }
    }

    #[test]
    fn parameters_are_in_order_and_found() {
        assert!(PARAMETERS.is_sorted_by_key(|&(id, ..)| id));
        let known = |id| transport_parameter(id).map(|parameter| (parameter.name, parameter.is_integer));
        assert_eq!(known(4), Some(("initial_max_data", true)));
        assert_eq!(known(0x0f), Some(("initial_source_connection_id", false)));
        assert_eq!((known(0x1b), ParameterId(0x1b).to_string()), (None, "0x001b".to_owned()));
    }
}
