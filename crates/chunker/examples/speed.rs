//! Measures how fast chunks are cut and hashed on one core: `cargo run --release -p holdfast-chunker --example speed`.
#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::time::Instant;

use holdfast_chunker::{Chunker, GearTable, Limits, RabinTables, sha256};

const POLYNOMIAL: u64 = 0x0026_6771_cc37_088f;

fn main() {
    let mut state = 0x0123_4567_89ab_cdef_u64;
    let random = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let data: Vec<u8> = (0..(128 << 20) / 8).flat_map(random).collect();

    let tables = RabinTables::new(POLYNOMIAL).expect("irreducible");
    // An average as large as the maximum leaves few cuts: what the loops do without the skipped minimum.
    let no_skip = Limits::new(64, 8 << 20, 8 << 20).expect("usable");
    for (name, limits) in [("as used", Limits::RESTIC), ("every byte", no_skip)] {
        let gear = Chunker::gear(&GearTable::new(&[1; 32]), limits);
        report(&format!("gear, {name}"), &data, |slice| cut(gear.clone(), slice));
        let rabin = Chunker::rabin(&tables, limits);
        report(&format!("rabin, {name}"), &data, |slice| cut(rabin.clone(), slice));
    }
    report("SHA-256", &data, |slice| slice.chunks(1 << 20).map(|chunk| usize::from(sha256(chunk)[0])).sum());
}

/// Cuts in slices as a reader hands them over.
fn cut(mut chunker: Chunker, data: &[u8]) -> usize {
    let mut count = 0;
    for mut slice in data.chunks(512 << 10) {
        while let Some(cut) = chunker.next_cut(slice) {
            slice = &slice[cut..];
            count += 1;
        }
    }
    count
}

fn report(name: &str, data: &[u8], work: impl Fn(&[u8]) -> usize) {
    let run = || {
        let start = Instant::now();
        std::hint::black_box(work(data));
        data.len() as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    let best = (0..5).map(|_| run()).fold(0.0, f64::max);
    println!("{name:20} {best:6.2} GB/s");
}
