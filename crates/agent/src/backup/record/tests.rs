//! Records survive their encoding, and their digested part tells every change that counts.

use proptest::prelude::*;

use super::*;

fn stat() -> impl Strategy<Value = Stat> {
    let kind = prop_oneof![
        Just(Kind::File),
        Just(Kind::Dir),
        Just(Kind::Symlink),
        Just(Kind::Block),
        Just(Kind::Char),
        Just(Kind::Fifo),
        Just(Kind::Socket)
    ];
    let time = || (any::<i64>(), 0u32..1_000_000_000).prop_map(|(s, n)| Timestamp { seconds: s, nanoseconds: n });
    let numbers = (any::<[u64; 5]>(), 0u32..0o10000, any::<[u32; 2]>());
    (kind, time(), time(), time(), numbers).prop_map(|(kind, mtime, atime, ctime, (numbers, mode, [uid, gid]))| {
        let [size, inode, device, links, rdev] = numbers;
        let size = if kind == Kind::File { size } else { 0 };
        let rdev = if matches!(kind, Kind::Block | Kind::Char) { rdev } else { 0 };
        Stat { kind, mode, uid, gid, size, mtime, atime, ctime, inode, device, links, rdev, blocks: 0 }
    })
}

proptest! {
    #[test]
    fn a_record_is_read_back(entries in prop::collection::vec((stat(), prop::collection::vec(any::<u8>(), 1..255)), 0..20)) {
        let mut listing = Vec::new();
        for (at, (stat, name)) in entries.iter().enumerate() {
            let mut record = Record::default();
            record.set(name, stat, b"to");
            record.append_to(&mut listing, (stat.kind == Kind::Dir).then_some(at as u64));
        }
        let read: Vec<_> = records(&listing).collect();
        prop_assert_eq!(read.len(), entries.len());
        for (at, ((offset, body), (stat, name))) in read.iter().zip(&entries).enumerate() {
            prop_assert_eq!(record_at(&listing, *offset), Some(*body));
            prop_assert_eq!(name_and_stat(body), Some((name.as_slice(), *stat)));
            prop_assert_eq!(entry(body), Some(wire_entry(name, stat, b"to", at as u64)));
        }
    }

    #[test]
    fn bytes_that_are_no_record_are_refused(body in prop::collection::vec(any::<u8>(), 0..60)) {
        // Whatever comes out, nothing panics.
        let _ = entry(&body);
        let _ = records(&body).count();
    }
}

#[test]
fn the_device_is_digested_only_where_it_tells_hard_links() {
    let time = Timestamp { seconds: -1, nanoseconds: 5 };
    let stat = Stat {
        kind: Kind::File,
        mode: 0o644,
        uid: 1,
        gid: 2,
        size: 3,
        mtime: time,
        atime: time,
        ctime: time,
        inode: 4,
        device: 5,
        links: 1,
        rdev: 0,
        blocks: 8,
    };
    let digested = |stat: Stat| {
        let mut record = Record::default();
        record.set(b"name", &stat, b"");
        record.digested().to_vec()
    };
    let same = Stat { device: 6, blocks: 0, ..stat };
    assert_eq!(digested(stat), digested(same));
    for linked in [Stat { links: 2, ..stat }, Stat { kind: Kind::Fifo, ..stat }, Stat { kind: Kind::Socket, ..stat }] {
        assert_ne!(digested(linked), digested(Stat { device: 6, ..linked }), "{linked:?}");
    }
    for single in [Kind::Dir, Kind::Symlink, Kind::Block, Kind::Char] {
        let single = Stat { kind: single, links: 3, ..stat };
        assert_eq!(digested(single), digested(Stat { device: 6, ..single }), "{single:?}");
    }
    let later = Timestamp { seconds: -1, nanoseconds: 6 };
    let others = [
        Stat { kind: Kind::Fifo, ..stat },
        Stat { mode: 0o600, ..stat },
        Stat { uid: 9, ..stat },
        Stat { gid: 9, ..stat },
        Stat { size: 9, ..stat },
        Stat { mtime: later, ..stat },
        Stat { ctime: later, ..stat },
        // Equal to the time of modification, unless the job asks for it.
        Stat { atime: later, ..stat },
        Stat { inode: 9, ..stat },
        Stat { links: 9, ..stat },
    ];
    for other in others {
        assert_ne!(digested(stat), digested(other), "{other:?}");
    }
}
