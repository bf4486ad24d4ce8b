//! The handover as both honest and hostile ends use it.

use std::os::fd::AsFd;
use std::time::Duration;

use crate::map::Map;
use crate::{HandoverError, Kind, MAX_RECORD, PullerFds, Sizes, puller_ends, vault_ends, wait_for_either};

const SMALL: Sizes = Sizes { up: 0, down: 0 };

/// Numbers that look random and are the same in every run.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    })
}

#[test]
fn records_arrive_whole_and_in_order_while_the_ring_goes_round() {
    let (_down, mut vault, fds) = vault_ends(SMALL).unwrap();
    let (mut puller, _) = puller_ends(SMALL, fds).unwrap();
    let lengths: Vec<usize> = numbers(1).take(400).map(|n| n as usize % (MAX_RECORD + 1)).collect();
    let expected = lengths.clone();
    let writer = std::thread::spawn(move || {
        for (index, len) in lengths.into_iter().enumerate() {
            puller.send(Kind::Data, &vec![index as u8; len]).unwrap();
        }
    });
    for (index, len) in expected.into_iter().enumerate() {
        let record = vault.recv(None).unwrap().unwrap();
        assert_eq!((record.kind, record.bytes.len()), (Kind::Data, len));
        assert!(record.bytes.iter().all(|byte| *byte == index as u8));
    }
    writer.join().unwrap();
}

#[test]
fn both_directions_flow_while_both_sides_send() {
    let (mut down, mut up, fds) = vault_ends(SMALL).unwrap();
    let (mut puller_up, mut puller_down) = puller_ends(SMALL, fds).unwrap();
    const COUNT: usize = 50;
    let echo = std::thread::spawn(move || {
        for _ in 0..COUNT {
            let record = puller_down.recv(None).unwrap().unwrap();
            puller_up.send(record.kind, &record.bytes).unwrap();
        }
    });
    let (mut sent, mut received) = (0, 0);
    while received < COUNT {
        if sent < COUNT && down.try_send(Kind::Data, &vec![sent as u8; MAX_RECORD]).unwrap() {
            sent += 1;
        } else if let Some(record) = up.try_recv().unwrap() {
            assert_eq!(record.bytes[0], received as u8);
            received += 1;
        } else {
            wait_for_either(&mut down, &mut up).unwrap();
        }
    }
    echo.join().unwrap();
}

#[test]
fn the_last_words_of_a_process_are_heard_before_its_end() {
    let (mut down, mut vault, fds) = vault_ends(SMALL).unwrap();
    let (mut puller, puller_down) = puller_ends(SMALL, fds).unwrap();
    assert!(puller.try_send(Kind::End, b"bye").unwrap());
    drop((puller, puller_down));
    assert!(matches!(vault.recv(None).unwrap(), Some(record) if record.bytes == b"bye"));
    assert!(matches!(vault.recv(None), Err(HandoverError::Gone)));
    let flood = (0..100).find_map(|_| down.send(Kind::Message, &[0; MAX_RECORD]).err());
    assert!(matches!(flood, Some(HandoverError::Gone)));
}

#[test]
fn waiting_ends_when_the_time_is_over() {
    let (_down, mut vault, _fds) = vault_ends(SMALL).unwrap();
    assert_eq!(vault.recv(Some(Duration::ZERO)).unwrap(), None);
}

#[test]
fn memory_that_could_shrink_is_refused() {
    let memory = rustix::fs::memfd_create("open", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&memory, 1 << 23).unwrap();
    assert!(Map::new(memory.as_fd(), 1 << 23).is_err());
}

#[test]
fn whatever_a_hostile_end_writes_the_vault_reads_records_or_says_that_it_is_broken() {
    let mut random = numbers(7);
    let (mut broken, mut read) = (0, 0);
    for _ in 0..300 {
        let (mut down, mut vault, fds) = vault_ends(SMALL).unwrap();
        let len = rustix::fs::fstat(&fds.memory).unwrap().st_size as usize;
        let evil = Map::new(fds.memory.as_fd(), len).unwrap();
        let fds = PullerFds { memory: fds.memory.try_clone().unwrap(), up: fds.up, down: fds.down };
        let (mut puller, _puller_down) = puller_ends(SMALL, fds).unwrap();
        for _ in 0..20 {
            let _ = puller.try_send(Kind::Message, b"honest");
            match random.next().unwrap() % 4 {
                // The counters of both rings, sometimes by a little, sometimes by anything.
                0 => evil.write(0, &(random.next().unwrap() % 64).to_le_bytes()),
                1 => evil.write(random.next().unwrap() as usize % 16 * 8, &random.next().unwrap().to_le_bytes()),
                2 => evil.write(128 + random.next().unwrap() as usize % 64, &[random.next().unwrap() as u8]),
                _ => {}
            }
            match vault.try_recv() {
                Ok(Some(record)) => {
                    assert!(record.bytes.len() <= MAX_RECORD);
                    read += 1;
                }
                Ok(None) => {}
                Err(HandoverError::Broken(_)) => {
                    broken += 1;
                    break;
                }
                Err(error) => panic!("{error}"),
            }
            if down.try_send(Kind::Message, &[0; 1000]).is_err() {
                broken += 1;
                break;
            }
        }
    }
    assert!(broken > 100 && read > 100, "{broken} broken, {read} read");
}
