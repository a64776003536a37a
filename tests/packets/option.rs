//! TCP options as they stand in a header (RFC 9293 section 3.2, RFC 7323, RFC 2018).

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpOption {
    Mss(u16),
    WindowScale(u8),
    SackPermitted,
    /// Value and echo come from the script's clock.
    Timestamps,
    Nop,
    End,
    /// Kind, length and body as they shall stand.
    Raw(Vec<u8>),
}

impl TcpOption {
    pub fn encode(options: &[TcpOption], stamp: Stamp) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        for option in options {
            match option {
                Self::Mss(mss) => {
                    out.extend_from_slice(&[2, 4]);
                    out.extend_from_slice(&mss.to_be_bytes());
                }
                Self::WindowScale(shift) => out.extend_from_slice(&[3, 3, *shift]),
                Self::SackPermitted => out.extend_from_slice(&[4, 2]),
                Self::Timestamps => {
                    out.extend_from_slice(&[8, 10]);
                    out.extend_from_slice(&stamp.value.to_be_bytes());
                    out.extend_from_slice(&stamp.echo.to_be_bytes());
                }
                Self::Nop => out.push(1),
                Self::End => out.push(0),
                Self::Raw(bytes) => out.extend_from_slice(bytes),
            }
        }
        out
    }
}

/// What a Timestamps option says.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    pub value: u32,
    pub echo: u32,
}
