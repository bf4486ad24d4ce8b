//! A message of 1 MiB never costs more than some tens of MiB, whatever it says.

use holdfast_testkit::CountingAllocator;
use holdfast_wire::limits::MAX_MESSAGE;
use holdfast_wire::{Decompressor, FrameDecoder, FromAgent, Message, PREFACE, ToAgent, decode};

const BOUND: usize = 48 << 20;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// The most bytes that were in use at once during `work`. Nothing else may run beside it.
fn cost_of(work: impl FnOnce()) -> usize {
    ALLOCATOR.most_during(work).1
}

/// A number as postcard writes lengths.
fn length(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// `head`, a list that claims `count` elements, and as many bytes of `filling` as fit a message.
fn list(head: &[u8], count: usize, filling: u8) -> Vec<u8> {
    let mut bytes = [head, &length(count)].concat();
    bytes.resize(MAX_MESSAGE, filling);
    bytes
}

/// The beginnings of messages up to a list, for every list that there is.
fn heads() -> Vec<Vec<u8>> {
    let entry_up_to_xattrs = [0u8; 15];
    let mut heads: Vec<Vec<u8>> = (0..20u8).flat_map(|number| [vec![number], vec![number, 0]]).collect();
    heads.push(vec![2, 0]); // Owners: groups
    heads.push([&[4, 0, 0, 1][..], &entry_up_to_xattrs].concat()); // Entries: attributes of the first
    heads.push([&[6, 0, 1][..], &entry_up_to_xattrs].concat()); // FileEnd: attributes
    heads.push(vec![1, 0, 0]); // Backup: patterns
    heads.push(vec![1, 0, 0, 0]);
    heads.push([&[8, 1, 0][..], &entry_up_to_xattrs].concat()); // Nodes: attributes of the first
    heads.push([&[8, 1, 0][..], &entry_up_to_xattrs, &[0, 0, 0]].concat()); // Nodes: chunks of the first
    heads.push([&[10][..], &[0; 32], &[0, 0, 0]].concat()); // Blob: targets
    heads
}

fn costs<M: Message>(bytes: &[u8]) -> usize {
    cost_of(|| drop(decode::<M>(bytes)))
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn hostile_bytes_cost_little_memory() {
    // A list that claims more elements than there are grows until the bytes end: that is its worst.
    let counts = [1, 1000, MAX_MESSAGE / 17, u32::MAX as usize];
    let mut most = 0;
    for head in heads() {
        for (count, filling) in counts.into_iter().flat_map(|count| [(count, 0), (count, 1)]) {
            let bytes = list(&head, count, filling);
            most = most.max(costs::<FromAgent>(&bytes)).max(costs::<ToAgent>(&bytes));
        }
    }
    println!("{most} bytes for a message of {MAX_MESSAGE}");
    assert!(most > 4 << 20, "the inputs decode to nothing: {most}");
    assert!(most < BOUND, "{most}");

    let frames = cost_of(|| {
        let mut decoder = FrameDecoder::new();
        let space = decoder.space();
        space[..8].copy_from_slice(&PREFACE);
        space[8..13].copy_from_slice(&[3, 0xff, 0xff, 0xff, 0xff]);
        decoder.filled(13);
        assert!(decoder.next().is_err());
    });
    assert!(frames < 1 << 20, "{frames}");

    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 1).unwrap();
    let mut decompressor = Decompressor::new();
    let decoding = cost_of(|| assert!(decompressor.decompress(&bomb, 1 << 20).is_err()));
    assert!(decoding < 1 << 20, "{decoding}");
}
