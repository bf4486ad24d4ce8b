//! Headers: within bounds or refused.

use super::*;

fn header(kind: u8, len: u32, decoded: u32) -> Vec<u8> {
    [&[kind][..], &len.to_le_bytes(), &decoded.to_le_bytes()].concat()
}

#[test]
fn a_header_is_read_back_as_it_was_written() {
    let headers = [
        FrameHeader::message(1),
        FrameHeader::message(MAX_MESSAGE),
        FrameHeader::raw(MAX_DATA),
        FrameHeader::zstd(1, 2),
        FrameHeader::zstd(MAX_DATA - 1, MAX_DATA),
    ];
    for header in headers.map(Result::unwrap) {
        let mut bytes = header.encode().to_vec();
        assert_eq!(bytes.len(), header.header_len());
        for cut in 0..bytes.len() {
            assert_eq!(FrameHeader::parse(&bytes[..cut]), Ok(None));
        }
        bytes.extend([0xee; 100]);
        assert_eq!(FrameHeader::parse(&bytes), Ok(Some(header)));
    }
}

#[test]
fn empty_and_oversized_payloads_are_refused() {
    for (kind, len) in [(1, 0), (2, 0), (3, 0), (1, MAX_MESSAGE + 1), (2, MAX_DATA + 1), (3, MAX_DATA + 1)] {
        let error = FrameHeader::parse(&header(kind, len as u32, MAX_DATA as u32)).unwrap_err();
        assert_eq!(error.class(), Some(ViolationClass::Protocol), "{error}");
    }
    assert!(FrameHeader::message(usize::MAX).is_err());
}

#[test]
fn compressed_data_must_be_shorter_than_what_it_decodes_to() {
    for (len, decoded) in [(10, 10), (10, 0), (10, MAX_DATA + 1), (10, u32::MAX as usize)] {
        let error = FrameHeader::parse(&header(3, len, decoded as u32)).unwrap_err();
        assert_eq!(error.class(), Some(ViolationClass::Expansion), "{error}");
    }
}

#[test]
fn an_unknown_kind_is_refused_at_its_first_byte() {
    for kind in (0..=u8::MAX).filter(|kind| !(1..=3).contains(kind)) {
        assert_eq!(FrameHeader::parse(&[kind]), Err(FrameError::UnknownKind { kind }));
    }
}

#[test]
fn noise_is_kept_short_and_shown_escaped() {
    let noise = Noise::new(&b"\x1b[2J\xff".repeat(1000));
    assert_eq!(noise.as_bytes().len(), MAX_NOISE);
    assert!(noise.to_string().starts_with(r#""\x1b[2J\xff\x1b"#));
    assert_eq!(Noise::new(b"").to_string(), "nothing");
}
