//! Records arrive whole and in order; whatever the other side writes into the memory, this one stays sound.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::layout::{Layout, WORD};
use crate::record::{Counters, MAX_RECORD};
use crate::{Down, PullerEnd, Up, VaultEnd};

/// Both ends, with rings of so many words.
fn ends(words: usize) -> (VaultEnd, PullerEnd) {
    let (vault, fds) = VaultEnd::with_layout(Layout { up: words, down: words }).unwrap();
    (vault, PullerEnd::from_fds(fds).unwrap())
}

/// The memory of both rings, as a hostile puller has it.
fn with_memory(words: usize) -> (VaultEnd, PullerEnd, Arc<Mapping>, Layout) {
    let layout = Layout { up: words, down: words };
    let (vault, fds) = VaultEnd::with_layout(layout).unwrap();
    let (_, mapping) = crate::memory::open(&fds.memory).unwrap();
    (vault, PullerEnd::from_fds(fds).unwrap(), Arc::new(mapping), layout)
}

/// Far enough for a slow machine; a test that gets there has found a hang.
fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(60))
}

/// Numbers that look random.
fn scrambled(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> 7
    }
}

#[test]
fn records_arrive_whole_and_in_order() {
    for words in [16, 64, 1024] {
        let (mut vault, mut puller) = ends(words);
        let most = (words / 2 - 1) * WORD;
        let writer = thread::spawn(move || {
            let mut random = scrambled(words as u64);
            for number in 0..20_000u64 {
                let len = 8 + random() as usize % (most - 7);
                let mut bytes = vec![number as u8; len];
                bytes[..8].copy_from_slice(&number.to_le_bytes());
                puller.up.send(Up::Data(&bytes), soon()).unwrap();
            }
            puller.up.send(Up::End, soon()).unwrap();
        });
        let mut random = scrambled(words as u64);
        for number in 0..20_000u64 {
            let len = 8 + random() as usize % (most - 7);
            let Up::Data(bytes) = vault.up.recv(soon()).unwrap() else { panic!("not data") };
            assert_eq!(bytes.len(), len);
            assert_eq!(bytes[..8], number.to_le_bytes());
            assert!(bytes[8..].iter().all(|byte| *byte == number as u8));
        }
        assert_eq!(vault.up.recv(soon()).unwrap(), Up::End);
        writer.join().unwrap();
        assert_eq!(vault.up.recv(soon()).unwrap_err().kind(), ErrorKind::PeerGone);
    }
}

#[test]
fn both_directions_run_at_once() {
    let (vault, puller) = ends(64);
    let (mut up, mut down) = (puller.up, puller.down);
    let echo = thread::spawn(move || {
        while let Down::Message(bytes) = down.recv(soon()).unwrap() {
            up.send(Up::Message(bytes), soon()).unwrap();
        }
        up.send(Up::End, soon()).unwrap();
    });
    let mut down = vault.down;
    let asking = thread::spawn(move || {
        for number in 0..20_000u32 {
            down.send(Down::Message(&number.to_le_bytes()), soon()).unwrap();
        }
        down.send(Down::Close, soon()).unwrap();
    });
    let mut up = vault.up;
    for number in 0..20_000u32 {
        assert_eq!(up.recv(soon()).unwrap(), Up::Message(&number.to_le_bytes()));
    }
    assert_eq!(up.recv(soon()).unwrap(), Up::End);
    asking.join().unwrap();
    echo.join().unwrap();
}

#[test]
fn the_longest_record_passes_the_smallest_ring_that_is_made() {
    let (mut vault, fds) = VaultEnd::create(crate::RingSizes { up: 0, down: 0 }).unwrap();
    let mut puller = PullerEnd::from_fds(fds).unwrap();
    let bytes = vec![7; MAX_RECORD];
    for _ in 0..10 {
        puller.up.send(Up::Message(&bytes), soon()).unwrap();
        vault.down.send(Down::Data(&bytes), soon()).unwrap();
        assert_eq!(vault.up.recv(soon()).unwrap(), Up::Message(&bytes));
        assert_eq!(puller.down.recv(soon()).unwrap(), Down::Data(&bytes));
    }
    let too_long = vec![7; MAX_RECORD + 1];
    assert!(matches!(puller.up.send(Up::Data(&too_long), None), Err(HandoverError::Length { .. })));
    assert!(matches!(puller.up.send(Up::Data(&[]), None), Err(HandoverError::Length { .. })));
    assert_eq!(vault.up.try_recv().unwrap(), None);
}

#[test]
fn waiting_ends_at_the_deadline() {
    let (mut vault, mut puller) = ends(16);
    let now = Some(Instant::now());
    assert_eq!(vault.up.recv(now).unwrap_err().kind(), ErrorKind::TimedOut);
    puller.up.send(Up::Data(&[1; 56]), now).unwrap();
    puller.up.send(Up::Data(&[2; 56]), now).unwrap();
    assert_eq!(puller.up.send(Up::Data(&[3; 56]), now).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(vault.up.recv(now).unwrap(), Up::Data(&[1; 56]));
    puller.up.send(Up::Data(&[3; 56]), now).unwrap();
    assert_eq!(vault.up.recv(now).unwrap(), Up::Data(&[2; 56]));
    assert_eq!(vault.up.recv(now).unwrap(), Up::Data(&[3; 56]));
}

#[test]
fn closing_wakes_who_waits() {
    let (vault, puller) = ends(16);
    let (mut up, mut down) = (vault.up, vault.down);
    let closers = [up.closer(), down.closer()];
    let waiting = thread::spawn(move || up.recv(None).map(|_| ()).unwrap_err().kind());
    let writing = thread::spawn(move || {
        loop {
            if let Err(error) = down.send(Down::Data(&[0; 40]), None) {
                break error.kind();
            }
        }
    });
    closers.iter().for_each(Closer::close);
    assert_eq!(waiting.join().unwrap(), ErrorKind::Closed);
    assert_eq!(writing.join().unwrap(), ErrorKind::Closed);
    let mut down = puller.down;
    let end = loop {
        if let Err(error) = down.recv(soon()) {
            break error.kind();
        }
    };
    assert_eq!(end, ErrorKind::PeerGone);
}

#[test]
fn what_was_sent_before_the_end_still_arrives() {
    let (mut vault, mut puller) = ends(1024);
    puller.up.send(Up::Message(b"last words"), None).unwrap();
    puller.up.send(Up::Counters(Counters { received: 1, sent: 2 }), None).unwrap();
    drop(puller);
    assert_eq!(vault.up.recv(soon()).unwrap(), Up::Message(b"last words"));
    assert_eq!(vault.up.recv(soon()).unwrap(), Up::Counters(Counters { received: 1, sent: 2 }));
    for _ in 0..2 {
        assert_eq!(vault.up.recv(soon()).unwrap_err().kind(), ErrorKind::PeerGone);
    }
    let error = loop {
        if let Err(error) = vault.down.send(Down::Data(&[0; 2000]), soon()) {
            break error.kind();
        }
    };
    assert_eq!(error, ErrorKind::PeerGone);
}

proptest! {
    #[test]
    fn any_position_and_header_is_refused_or_sound(
        sent in 0usize..5,
        head in prop_oneof![any::<u64>(), 0u64..200],
        tail in prop_oneof![any::<u64>(), 0u64..200],
        header in prop_oneof![
            any::<u64>(),
            (0u64..20, 0u64..200).prop_map(|(kind, len)| kind | len << 32),
            (0u64..20, any::<u64>()).prop_map(|(kind, len)| kind | len << 32),
        ],
    ) {
        let (mut vault, mut puller, memory, layout) = with_memory(64);
        for _ in 0..sent {
            puller.up.send(Up::Data(&[1; 40]), soon()).unwrap();
            vault.down.send(Down::Data(&[2; 40]), soon()).unwrap();
            vault.up.recv(soon()).unwrap();
        }
        let now = Some(Instant::now());
        memory[layout.up_places().head].store(head, Relaxed);
        memory[layout.up_places().data + sent * 6 % 64].store(header, Relaxed);
        let read = 6 * sent as u64;
        match vault.up.recv(now) {
            Ok(record) => {
                prop_assert!(head > read && head <= read + 64);
                let len = record.encode(|_, bytes| bytes.len());
                prop_assert_eq!(len as u64, header >> 32);
                prop_assert!(read + 1 + len.div_ceil(8) as u64 <= head);
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => prop_assert_eq!(head, read),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Violation),
        }
        memory[layout.down_places().tail].store(tail, Relaxed);
        for number in 0..20 {
            if let Err(error) = vault.down.send(Down::Data(&[3; 40]), now) {
                let written = read + 6 * number;
                prop_assert!(written + 6 > 64, "there was room");
                let honest = tail <= written;
                let expected = if honest { ErrorKind::TimedOut } else { ErrorKind::Violation };
                prop_assert_eq!(error.kind(), expected, "{}", error);
                prop_assert!(!honest || written + 6 - tail > 64, "there was room");
                break;
            }
        }
    }
}

/// Another thread writes nonsense everywhere while the vault reads and writes: every call returns, and what it returns
/// is within the bounds.
#[test]
fn a_scribbling_other_side_does_no_harm() {
    let mut seen = [0u32; 3];
    for round in 0..300u64 {
        let (mut vault, mut puller, memory, layout) = with_memory(64);
        let stop = Arc::new(AtomicBool::new(false));
        let scribbler = thread::spawn({
            let stop = stop.clone();
            move || {
                let mut random = scrambled(round);
                while !stop.load(Relaxed) {
                    let (up, down) = (layout.up_places(), layout.down_places());
                    let words = [up.head, up.reader_waits, up.writer_waits, down.tail, down.reader_waits];
                    match random() % 8 {
                        0 => memory[words[random() as usize % words.len()]].store(random(), Relaxed),
                        1..4 => {
                            // Forwards only: what a liar does that wants to be believed.
                            memory[up.head].fetch_add(random() % 9, Relaxed);
                            memory[down.tail].fetch_add(random() % 5, Relaxed);
                        }
                        4 => memory[up.data + random() as usize % 128].store(random(), Relaxed),
                        _ => {
                            let header = (random() % 7) | (random() % 80) << 32;
                            memory[up.data + random() as usize % 64].store(header, Relaxed);
                        }
                    }
                    if random().is_multiple_of(16) {
                        let _ = puller.up.send(Up::Message(&[1; 20]), Some(Instant::now()));
                        puller.up.ring_bell();
                    }
                }
            }
        });
        let deadline = Instant::now() + Duration::from_millis(3);
        for _ in 0..100_000 {
            match vault.up.recv(Some(deadline)) {
                Ok(record) => {
                    seen[0] += 1;
                    assert!(record.encode(|_, bytes| bytes.len()) <= 64 * WORD);
                }
                Err(error) => match error.kind() {
                    ErrorKind::Violation => {
                        seen[1] += 1;
                        break;
                    }
                    ErrorKind::TimedOut => break,
                    kind => panic!("{kind:?}: {error}"),
                },
            }
            match vault.down.send(Down::Message(&[1; 20]), Some(deadline)) {
                Ok(()) => (),
                Err(error) if error.kind() == ErrorKind::Violation => {
                    seen[2] += 1;
                    break;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
            }
        }
        stop.store(true, Relaxed);
        scribbler.join().unwrap();
    }
    // Which of the two breaks first is the scheduler's choice.
    assert!(seen[0] > 0 && seen[1] + seen[2] > 0, "records, bad records, bad positions: {seen:?}");
}

#[test]
fn positions_beyond_the_ring_are_refused() {
    let (mut vault, _puller, memory, layout) = with_memory(64);
    memory[layout.down_places().tail].store(1 << 40, Relaxed);
    let refused = (0..1000).find_map(|_| vault.down.send(Down::Message(&[1; 20]), Some(Instant::now())).err());
    assert_eq!(refused.unwrap().kind(), ErrorKind::Violation);
    memory[layout.up_places().head].store(1 << 40, Relaxed);
    assert_eq!(vault.up.try_recv().unwrap_err().kind(), ErrorKind::Violation);
}

#[test]
fn who_waits_for_room_or_a_record_is_woken_by_either() {
    let (mut vault, mut puller) = ends(16);
    while vault.down.try_send(Down::Data(&[1; 40])).unwrap() {}
    thread::scope(|scope| {
        let waiting = scope.spawn(|| crate::wait_for_either(&mut vault.down, &mut vault.up, None));
        puller.up.send(Up::Message(b"I wait for you"), soon()).unwrap();
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(vault.up.try_recv().unwrap(), Some(Up::Message(b"I wait for you")));
    assert!(!vault.down.try_send(Down::Data(&[1; 40])).unwrap());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| crate::wait_for_either(&mut vault.down, &mut vault.up, None));
        puller.down.recv(soon()).unwrap();
        puller.down.recv(soon()).unwrap();
        waiting.join().unwrap().unwrap();
    });
    assert!(vault.down.try_send(Down::Data(&[1; 40])).unwrap());
}

#[test]
fn who_waits_for_either_sees_the_end() {
    let (mut vault, puller) = ends(16);
    while vault.down.try_send(Down::Data(&[1; 40])).unwrap() {}
    drop(puller);
    crate::wait_for_either(&mut vault.down, &mut vault.up, None).unwrap();
    let error = crate::wait_for_either(&mut vault.down, &mut vault.up, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PeerGone);
    let (mut vault, _puller) = ends(16);
    while vault.down.try_send(Down::Data(&[1; 40])).unwrap() {}
    vault.up.closer().close();
    let error = crate::wait_for_either(&mut vault.down, &mut vault.up, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

/// Both sides only send until they have no room, then take what there is: neither may wait for the other for ever.
#[test]
fn a_vault_that_takes_records_while_it_waits_for_room_never_blocks_the_puller() {
    let (vault, puller) = ends(16);
    let (mut up, mut down) = (puller.up, puller.down);
    let echo = thread::spawn(move || {
        while let Ok(Down::Data(bytes)) = down.recv(soon()) {
            up.send(Up::Data(bytes), soon()).unwrap();
        }
    });
    let (mut up, mut down) = (vault.up, vault.down);
    let mut received = 0;
    for _ in 0..5000 {
        while !down.try_send(Down::Data(&[1; 40])).unwrap() {
            match up.try_recv().unwrap() {
                Some(_) => received += 1,
                None => crate::wait_for_either(&mut down, &mut up, None).unwrap(),
            }
        }
    }
    while received < 5000 {
        up.recv(soon()).unwrap();
        received += 1;
    }
    drop((up, down));
    echo.join().unwrap();
}

#[test]
fn whoever_waits_for_both_waits_no_longer_than_until_its_deadline() {
    let (mut vault, _puller) = ends(16);
    while vault.down.try_send(crate::Down::Data(&[1; 40])).unwrap() {}
    let soon = Some(std::time::Instant::now() + std::time::Duration::from_millis(20));
    let error = crate::wait_for_either(&mut vault.down, &mut vault.up, soon).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::TimedOut);
}
