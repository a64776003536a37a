//! Which system's TCP opened a connection, by the order of the options in its SYN.
//!
//! In: the options of a SYN. Out: the family of systems that sends them so, where one alone does. Windows, hop counts and
//! sizes are not looked at: they are tuned, and routers change them; the order of the options is written into each stack.
//! A proxy that ends TCP shows its own system, whoever speaks through it.

/// Families of TCP stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// Android too.
    Linux,
    /// macOS, iOS and their kin.
    Apple,
    Windows,
}

impl System {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Apple => "apple",
            Self::Windows => "windows",
        }
    }

    /// The system that opens a connection with these options (RFC 9293, section 3.1).
    pub fn of_syn(options: &[u8]) -> Option<Self> {
        let mut kinds = [0u8; 12];
        let mut count = 0;
        let mut rest = options;
        while let Some((&kind, after)) = rest.split_first() {
            *kinds.get_mut(count)? = kind;
            count = count.saturating_add(1);
            rest = match kind {
                END => break,
                NOP => after,
                _ => rest.get(usize::from(*after.first()?).max(2)..)?,
            };
        }
        match kinds.get(..count)? {
            // The orders are those that p0f 3's database of signatures lists for the systems' current versions.
            [MSS, SACK, TIMESTAMPS, NOP, SCALE] => Some(Self::Linux),
            [MSS, NOP, SCALE, NOP, NOP, TIMESTAMPS, SACK, END] => Some(Self::Apple),
            [MSS, NOP, SCALE, NOP, NOP, SACK] | [MSS, NOP, SCALE, SACK, TIMESTAMPS] => Some(Self::Windows),
            _ => None,
        }
    }
}

const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const SCALE: u8 = 3;
const SACK: u8 = 4;
const TIMESTAMPS: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: [u8; 10] = [8, 10, 0, 0, 0, 1, 0, 0, 0, 0];

    fn syn(parts: &[&[u8]]) -> Option<System> {
        System::of_syn(&parts.concat())
    }

    #[test]
    fn systems_are_told_by_the_order_of_their_options() {
        let (mss, scale, sack) = ([2, 4, 5, 180], [3, 3, 7], [4, 2]);
        assert_eq!(syn(&[&mss, &sack, &TIMES, &[1], &scale]), Some(System::Linux));
        assert_eq!(syn(&[&mss, &[1], &scale, &[1, 1], &TIMES, &sack, &[0, 0]]), Some(System::Apple));
        assert_eq!(syn(&[&mss, &[1], &scale, &[1, 1], &sack]), Some(System::Windows));
        assert_eq!(syn(&[&mss]), None);
    }

    #[test]
    fn options_that_do_not_fit_say_nothing() {
        for options in [&[2u8][..], &[2, 0], &[2, 40, 1], &[1; 40], &[]] {
            assert_eq!(System::of_syn(options), None, "{options:?}");
        }
    }
}
