//! Reading trees, whoever wrote them.
//!
//! A tree may come from restic, from rustic, from an old version of either, or from a storage that someone tampered with
//! who has the key. Nodes that are wrong are reported one by one and never become part of the [`Tree`]; fields that we
//! do not know are passed over.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_model::{BlobId, TreeId};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::quote::unquote;
use super::{FileMode, NameFault, Node, NodeError, NodeKind, Tree, TreeError, Xattr, check_name, display_name};
use crate::time::{GO_ZERO, ZonedTime};

impl Tree {
    /// Reads all that can be read of a tree; the rest is in its [`faults`](Self::faults). Fails only if the document as a
    /// whole is none.
    pub fn read(document: &[u8]) -> Result<Self, TreeError> {
        let (mut nodes, mut faults) = (Vec::new(), Vec::new());
        Self::read_each(document, &mut |node| match node {
            Ok(node) => nodes.push(node),
            Err(fault) => faults.push(fault),
        })?;
        if !nodes.is_sorted_by(|a, b| a.name < b.name) {
            nodes.sort_by(|a, b| a.name.cmp(&b.name));
            nodes.dedup_by(|later, first| {
                let same = later.name == first.name;
                if same {
                    faults.push(NodeError::Duplicate { name: display_name(&later.name) });
                }
                same
            });
        }
        Ok(Self { nodes, faults })
    }

    /// Reads a tree node by node, for directories too large to be held. They come as they stand there: a name may occur twice.
    pub(crate) fn read_each(document: &[u8], found: &mut dyn FnMut(Result<Node, NodeError>)) -> Result<(), TreeError> {
        let mut reader = Reader { found, user: None, group: None };
        let mut json = serde_json::Deserializer::from_slice(document);
        json.deserialize_map(DocumentVisitor(&mut reader))
            .and_then(|()| json.end())
            .map_err(|source| TreeError::Json { source })
    }
}

/// Gives nodes away while the document is read.
struct Reader<'f> {
    found: &'f mut dyn FnMut(Result<Node, NodeError>),
    // Most nodes of a tree belong to the same user and group as the one before.
    user: Option<Arc<str>>,
    group: Option<Arc<str>>,
}

impl Reader<'_> {
    fn add(&mut self, mut raw: RawNode<'_>) {
        let node = self.convert(&mut raw);
        (self.found)(node);
    }

    fn convert(&mut self, raw: &mut RawNode<'_>) -> Result<Node, NodeError> {
        let name = unquote(&raw.name)
            .ok_or(NameFault::Quoting)
            .and_then(|name| check_name(&name).map(|()| name))
            .map_err(|fault| NodeError::Name { name: shown(&raw.name), fault })?;
        let time = |text: &str, field| match text {
            "" => Ok(GO_ZERO),
            _ => ZonedTime::parse(text).map_err(|_| NodeError::Field { name: display_name(&name), field }),
        };
        Ok(Node {
            kind: raw.kind(&name)?,
            mode: FileMode::from_bits(raw.mode),
            mtime: time(&raw.mtime, "mtime")?,
            atime: time(&raw.atime, "atime")?,
            ctime: time(&raw.ctime, "ctime")?,
            uid: raw.uid,
            gid: raw.gid,
            user: interned(&mut self.user, &raw.user),
            group: interned(&mut self.group, &raw.group),
            inode: raw.inode,
            device_id: raw.device_id,
            size: raw.size,
            links: raw.links,
            xattrs: raw.xattrs(&name)?,
            generic_attributes: raw.generic_attributes.map(|raw| Arc::from(raw.to_owned())),
            error: (!raw.error.is_empty()).then(|| (*raw.error).into()),
            name: name.into(),
        })
    }
}

fn interned(last: &mut Option<Arc<str>>, name: &str) -> Option<Arc<str>> {
    if name.is_empty() {
        return None;
    }
    if last.as_deref() != Some(name) {
        *last = Some(name.into());
    }
    last.clone()
}

/// The name for an error, even if it is none.
fn shown(quoted: &str) -> String {
    let name = unquote(quoted).unwrap_or_else(|| quoted.as_bytes().to_vec());
    display_name(&name).chars().take(300).collect()
}

/// A node as it stands in the document.
#[derive(Deserialize)]
struct RawNode<'a> {
    #[serde(borrow, default, deserialize_with = "text")]
    name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text", rename = "type")]
    type_: Cow<'a, str>,
    #[serde(default, deserialize_with = "nullable")]
    mode: u32,
    #[serde(borrow, default, deserialize_with = "text")]
    mtime: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    atime: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    ctime: Cow<'a, str>,
    #[serde(default, deserialize_with = "nullable")]
    uid: u32,
    #[serde(default, deserialize_with = "nullable")]
    gid: u32,
    #[serde(borrow, default, deserialize_with = "text")]
    user: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    group: Cow<'a, str>,
    #[serde(default, deserialize_with = "nullable")]
    inode: u64,
    #[serde(default, deserialize_with = "nullable")]
    device_id: u64,
    #[serde(default, deserialize_with = "nullable")]
    size: u64,
    #[serde(default, deserialize_with = "nullable")]
    links: u64,
    #[serde(borrow, default, deserialize_with = "text")]
    linktarget: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    linktarget_raw: Cow<'a, str>,
    #[serde(borrow, default)]
    extended_attributes: Option<Vec<RawXattr<'a>>>,
    #[serde(borrow, default)]
    generic_attributes: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "nullable")]
    device: u64,
    #[serde(default)]
    content: Option<Vec<BlobId>>,
    #[serde(default)]
    subtree: Option<TreeId>,
    #[serde(borrow, default, deserialize_with = "text")]
    error: Cow<'a, str>,
}

#[derive(Deserialize)]
struct RawXattr<'a> {
    #[serde(borrow, default, deserialize_with = "text")]
    name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    value: Cow<'a, str>,
}

impl RawNode<'_> {
    fn kind(&mut self, name: &[u8]) -> Result<NodeKind, NodeError> {
        let shown = || display_name(name);
        Ok(match &*self.type_ {
            "file" => {
                let content = self.content.take().ok_or_else(|| NodeError::NoContent { name: shown() })?;
                if content.contains(&BlobId::default()) {
                    return Err(NodeError::NullBlob { name: shown() });
                }
                NodeKind::File { content }
            }
            "dir" => {
                let subtree = self.subtree.ok_or_else(|| NodeError::NoSubtree { name: shown() })?;
                if subtree == TreeId::default() {
                    return Err(NodeError::NullBlob { name: shown() });
                }
                NodeKind::Dir { subtree }
            }
            "symlink" => NodeKind::Symlink {
                target: match &*self.linktarget_raw {
                    "" => self.linktarget.as_bytes().into(),
                    raw => STANDARD
                        .decode(raw)
                        .map_err(|_| NodeError::Field { name: shown(), field: "linktarget_raw" })?
                        .into(),
                },
            },
            "dev" => NodeKind::Block { device: self.device },
            "chardev" => NodeKind::Char { device: self.device },
            "fifo" => NodeKind::Fifo,
            "socket" => NodeKind::Socket,
            other => {
                let kind = other.chars().take(40).collect();
                return Err(NodeError::UnknownType { name: shown(), kind });
            }
        })
    }

    fn xattrs(&self, name: &[u8]) -> Result<Vec<Xattr>, NodeError> {
        let decode = |raw: &RawXattr<'_>| {
            let value = STANDARD
                .decode(&*raw.value)
                .map_err(|_| NodeError::Field { name: display_name(name), field: "extended_attributes" })?;
            Ok(Xattr { name: raw.name.as_bytes().into(), value: value.into() })
        };
        self.extended_attributes.iter().flatten().map(decode).collect()
    }
}

/// `null` is as good as nothing: Go takes it so.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A text that is borrowed where it has no escapes, which `Cow` alone does not do.
fn text<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, str>, D::Error> {
    struct TextVisitor;
    impl<'de> Visitor<'de> for TextVisitor {
        type Value = Cow<'de, str>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }
        fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(""))
        }
    }
    deserializer.deserialize_any(TextVisitor)
}

struct DocumentVisitor<'r, 'f>(&'r mut Reader<'f>);

impl<'de> Visitor<'de> for DocumentVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the key \"nodes\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == "nodes" && !found {
                found = true;
                map.next_value_seed(NodesSeed(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(de::Error::missing_field("nodes")) }
    }
}

struct NodesSeed<'r, 'f>(&'r mut Reader<'f>);

impl<'de> DeserializeSeed<'de> for NodesSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodesSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of nodes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut nodes: A) -> Result<(), A::Error> {
        while let Some(raw) = nodes.next_element::<RawNode<'de>>()? {
            self.0.add(raw);
        }
        Ok(())
    }
}
