//! One direction of an association: its messages by number, and what is known to be missing of it.

use arrayvec::ArrayVec;

use super::message::{self, Fragment, Slot, Taken};
use super::record::FATAL;
use crate::tls::message::Joined;

#[derive(Debug, Default)]
pub(super) struct End {
    /// By message_seq; those from `used` on are blank, kept for the next association.
    slots: Vec<Slot>,
    used: usize,
    /// The message whose turn it is.
    next: usize,
    /// Bytes that wait in the slots.
    held: usize,
    records: Records,
    /// ClientHellos that were told.
    pub(super) hellos: u32,
    pub(super) changed_cipher: bool,
    /// A record of a higher epoch was seen.
    pub(super) sealed: bool,
    /// A unified header was seen.
    pub(super) unified: bool,
    /// It was told that the direction is encrypted.
    pub(super) secured: bool,
    /// The first, by record number.
    alerts: ArrayVec<Alert, MAX_ALERTS>,
    /// An alert was fatal.
    pub(super) failed: bool,
    /// A snap length has cut off what may have been records of epoch 0.
    pub(super) cut: bool,
    /// Messages with numbers that no handshake comes to.
    pub(super) over_limit: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Alert {
    sequence: u64,
    pub(super) level: u8,
    pub(super) description: u8,
}

impl End {
    pub(super) fn reset(&mut self) {
        let mut slots = std::mem::take(&mut self.slots);
        slots.iter_mut().take(self.used).for_each(Slot::reset);
        *self = Self { slots, ..Self::default() };
    }

    /// Whether the fragment is the whole of the message whose turn it is, and nothing of it came before.
    pub(super) fn is_turn_of(&self, fragment: &Fragment<'_>) -> bool {
        usize::from(fragment.sequence) == self.next
            && self.next < MAX_MESSAGES
            && fragment.is_whole_message()
            && self.slots.get(self.next).is_none_or(Slot::is_unseen)
    }

    pub(super) fn tell_now(&mut self, fragment: &Fragment<'_>) {
        self.reach(self.next);
        if let Some(slot) = self.slots.get_mut(self.next) {
            slot.tell_now(fragment);
        }
        self.pass(fragment.kind);
    }

    /// Takes a fragment; `cap` is the most bytes of its message, `total` of all that wait.
    pub(super) fn take(&mut self, fragment: &Fragment<'_>, cap: usize, total: usize) -> Taken {
        let at = usize::from(fragment.sequence);
        if at >= MAX_MESSAGES {
            self.over_limit = true;
            return Taken::Repeated;
        }
        self.reach(at);
        let Some(slot) = self.slots.get_mut(at) else { return Taken::Repeated };
        let before = slot.held();
        let taken = slot.take(fragment, cap);
        self.held = self.held.saturating_add(slot.held()).saturating_sub(before);
        if self.held > total {
            self.held = self.held.saturating_sub(slot.held());
            slot.refuse();
        }
        taken
    }

    /// The message whose turn it is, if it will not change any more.
    pub(super) fn ready(&self) -> Option<(u8, Joined<'_>)> {
        let slot = self.slots.get(self.next).filter(|slot| slot.is_ready())?;
        Some((slot.kind()?, slot.joined()?))
    }

    /// Whether messages have not been told.
    pub(super) fn has_more(&self) -> bool {
        self.next < self.used
    }

    /// The message whose turn it is, as far as it came; `None` if nothing of it did.
    pub(super) fn current(&self) -> Option<Joined<'_>> {
        self.slots.get(self.next)?.joined()
    }

    /// Goes on to the next message.
    pub(super) fn step(&mut self) {
        let Some(slot) = self.slots.get_mut(self.next) else { return };
        self.held = self.held.saturating_sub(slot.held());
        let kind = slot.kind();
        if kind.is_some() {
            slot.told();
        }
        self.pass(kind.unwrap_or_default());
    }

    /// Whether a ClientHello waits that is whole.
    pub(super) fn has_whole_hello(&self) -> bool {
        self.slots().any(|slot| slot.kind() == Some(message::CLIENT_HELLO) && slot.is_whole())
    }

    pub(super) fn has_seen(&self, kind: u8) -> bool {
        self.slots().any(|slot| slot.kind() == Some(kind))
    }

    /// How surely it tells who is the client; less is surer.
    pub(super) fn rank(&self) -> u8 {
        let rank = |kind| match kind {
            message::CLIENT_HELLO => 0,
            message::SERVER_HELLO | message::HELLO_VERIFY_REQUEST => 1,
            message::NEW_SESSION_TICKET | 12..=14 => 2,
            _ => 3,
        };
        self.slots().filter_map(Slot::kind).map(rank).min().unwrap_or(u8::MAX)
    }

    /// Takes note of a record of epoch 0; whether it is new.
    pub(super) fn note_record(&mut self, sequence: u64, is_handshake: bool) -> bool {
        if is_handshake {
            self.records.message = self.records.message.max(Some(sequence));
        }
        self.records.note(sequence)
    }

    pub(super) fn note_alert(&mut self, sequence: u64, level: u8, description: u8) {
        self.failed |= level == FATAL;
        if self.alerts.iter().any(|alert| alert.sequence == sequence) {
            return;
        }
        let at = self.alerts.iter().take_while(|alert| alert.sequence < sequence).count();
        if self.alerts.is_full() && at < MAX_ALERTS {
            self.alerts.pop();
        }
        let _ = self.alerts.try_insert(at, Alert { sequence, level, description });
    }

    /// The first of them, in the order in which they were sent.
    pub(super) fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// Whether no record is missing behind the last message.
    pub(super) fn is_contiguous(&self) -> bool {
        self.records.has_all_behind(self.records.message)
    }

    /// Whether nothing is known to be missing up to the last record, of a direction that may not have got further than it.
    pub(super) fn has_all_from_zero(&self) -> bool {
        self.is_settled() && self.records.has_all_behind(Some(self.records.message.unwrap_or(0)))
    }

    /// Whether all messages that are known of were told.
    pub(super) fn is_settled(&self) -> bool {
        !self.has_more()
    }

    /// Whether it has spoken, and neither a message nor a record is known to be missing.
    pub(super) fn is_complete(&self) -> bool {
        self.used > 0 && self.is_settled() && self.is_contiguous()
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.slots().map(Slot::held).sum()
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().take(self.used)
    }

    fn reach(&mut self, at: usize) {
        self.used = self.used.max(at.saturating_add(1));
        if self.slots.len() < self.used {
            self.slots.resize_with(self.used, Slot::default);
        }
    }

    fn pass(&mut self, kind: u8) {
        self.hellos = self.hellos.saturating_add(u32::from(kind == message::CLIENT_HELLO));
        self.next = self.next.saturating_add(1);
    }
}

/// Which record numbers of epoch 0 were seen.
///
/// A record that is missing below one with a message can have held no later message: so only those behind the last
/// message count. A server begins with the client's numbers, and leaves some out (RFC 6347, section 4.2.1).
#[derive(Debug, Default, Clone, Copy)]
struct Records {
    /// The highest with a handshake message.
    message: Option<u64>,
    highest: u64,
    /// Which of the highest and the 63 before it were seen, the highest in the lowest bit.
    seen: u64,
}

impl Records {
    /// Whether it is new.
    fn note(&mut self, sequence: u64) -> bool {
        let ahead = u32::try_from(sequence.saturating_sub(self.highest)).unwrap_or(u32::MAX);
        self.seen = self.seen.checked_shl(ahead).unwrap_or(0);
        self.highest = self.highest.max(sequence);
        let behind = u32::try_from(self.highest.saturating_sub(sequence)).unwrap_or(u32::MAX);
        let bit = 1u64.checked_shl(behind).unwrap_or(0);
        let is_new = self.seen & bit == 0;
        self.seen |= bit;
        is_new && bit != 0
    }

    /// Whether all from this one to the highest were seen.
    fn has_all_behind(&self, first: Option<u64>) -> bool {
        let Some(first) = first else { return true };
        self.highest.saturating_sub(first) < u64::from(self.seen.trailing_ones())
    }
}

/// Alerts of a direction that are kept.
const MAX_ALERTS: usize = 4;
/// Numbers that messages of epoch 0 may have; a handshake has ten or so.
const MAX_MESSAGES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_records_behind_the_last_message_count_as_missing() {
        let mut end = End::default();
        for (sequence, is_handshake) in [(3, true), (9, false), (5, true), (8, false)] {
            assert!(end.note_record(sequence, is_handshake));
            assert!(!end.note_record(sequence, is_handshake));
        }
        assert!(!end.is_contiguous());
        end.note_record(7, true);
        assert!(end.is_contiguous());
        end.note_record(1 << 47, false);
        assert!(!end.is_contiguous());
        assert!(!end.note_record(0, false), "too long ago to know");
    }

    #[test]
    fn alerts_are_kept_in_the_order_of_their_numbers_and_once() {
        let mut end = End::default();
        for (sequence, description) in [(5, 0), (2, 112), (5, 0), (9, 90), (3, 100), (1, 41), (4, 40)] {
            end.note_alert(sequence, 1, description);
        }
        let kept: Vec<u8> = end.alerts().iter().map(|alert| alert.description).collect();
        assert_eq!(kept, [41, 112, 100, 40]);
    }

    #[test]
    fn a_direction_without_messages_begins_at_zero() {
        let mut end = End::default();
        end.note_record(1, false);
        assert!(!end.has_all_from_zero());
        end.note_record(0, false);
        assert!(end.has_all_from_zero());
    }
}
