//! Index files of every form, held against serde_json, and damaged ones.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn packs() -> impl Strategy<Value = Vec<(PackId, Vec<PackedBlob>)>> {
    let blob = (any::<bool>(), any::<[u8; 32]>(), 0u32..1 << 30, 32u32..1 << 30, 0u32..1 << 24).prop_map(
        |(tree, id, offset, stored_length, uncompressed_length)| PackedBlob {
            kind: if tree { BlobKind::Tree } else { BlobKind::Data },
            id: BlobId::new(id),
            offset,
            stored_length,
            uncompressed_length,
        },
    );
    prop::collection::vec((any::<[u8; 32]>().prop_map(PackId::new), prop::collection::vec(blob, 0..8)), 0..6)
}

fn flat(packs: &[(PackId, Vec<PackedBlob>)]) -> Parsed {
    let mut parsed = Parsed { packs: packs.iter().map(|(id, _)| *id).collect(), ..Parsed::default() };
    for (pack, (_, blobs)) in packs.iter().enumerate() {
        for blob in blobs {
            let place = Place {
                pack: pack as u32,
                offset: blob.offset,
                stored_length: blob.stored_length,
                uncompressed_length: blob.uncompressed_length,
            };
            let rows = if blob.kind == BlobKind::Data { &mut parsed.data } else { &mut parsed.trees };
            rows.push(Placed { id: blob.id, place });
        }
    }
    parsed
}

fn value(packs: &[(PackId, Vec<PackedBlob>)]) -> Value {
    let blob = |blob: &PackedBlob| {
        let kind = if blob.kind == BlobKind::Data { "data" } else { "tree" };
        let mut value = json!({"id": blob.id, "type": kind, "offset": blob.offset, "length": blob.stored_length});
        if blob.uncompressed_length != 0 {
            value["uncompressed_length"] = json!(blob.uncompressed_length);
        }
        value
    };
    let pack = |(id, blobs): &(PackId, Vec<PackedBlob>)| json!({"id": id, "unknown": [1, {"deep": -1.5e3}], "blobs": blobs.iter().map(blob).collect::<Vec<_>>()});
    json!({"packs": packs.iter().map(pack).collect::<Vec<_>>(), "zzz": {"a": [null, true, "\"}"]}})
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(packs in packs()) {
        let json = encode(packs.iter().map(|(id, blobs)| (*id, blobs.as_slice())));
        prop_assert_eq!(decode(&json).unwrap(), flat(&packs));
        serde_json::from_slice::<Value>(&json).unwrap();
    }

    #[test]
    fn order_of_fields_white_space_and_unknown_fields_do_not_matter(packs in packs()) {
        // serde_json sorts the fields by name, so that "blobs" comes before "id".
        let value = value(&packs);
        prop_assert_eq!(decode(&serde_json::to_vec(&value).unwrap()).unwrap(), flat(&packs));
        prop_assert_eq!(decode(&serde_json::to_vec_pretty(&value).unwrap()).unwrap(), flat(&packs));
    }

    #[test]
    fn damaged_text_never_panics(packs in packs(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut json = encode(packs.iter().map(|(id, blobs)| (*id, blobs.as_slice())));
        let at = at.index(json.len() - 1);
        json[at] = byte;
        if cut {
            json.truncate(at);
            prop_assert!(decode(&json).is_err());
        } else {
            let _ = decode(&json);
        }
    }
}

#[test]
fn packs_that_rustic_marked_are_named_but_their_blobs_are_left_out() {
    let (one, two) = ("1".repeat(64), "2".repeat(64));
    let blob = json!({"id": two, "type": "data", "offset": 0, "length": 40});
    let text = json!({
        "supersedes": [two],
        "packs": null,
        "packs_to_delete": [{"id": one, "time": "2026-01-01T00:00:00Z", "size": 5, "blobs": [blob]}],
    });
    let parsed = decode(text.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.marked, [one.parse().unwrap()]);
    assert_eq!((parsed.packs.len(), parsed.data.len()), (0, 0));
}

#[test]
fn impossible_blobs_are_refused() {
    let id = "1".repeat(64);
    for (offset, length, kind) in [
        ("0", "31", "data"),
        ("4294967295", "40", "data"),
        ("0", "4294967296", "data"),
        ("-1", "40", "data"),
        ("0", "40", "leaf"),
    ] {
        let blob = format!(r#"{{"id":"{id}","type":"{kind}","offset":{offset},"length":{length}}}"#);
        let text = format!(r#"{{"packs":[{{"id":"{id}","blobs":[{blob}]}}]}}"#);
        assert!(decode(text.as_bytes()).is_err(), "{text}");
    }
    let deep = format!(r#"{{"x":{}}}"#, "[".repeat(100_000));
    assert_eq!(decode(deep.as_bytes()).unwrap_err().expected, "less nesting");
}
