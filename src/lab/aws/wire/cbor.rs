//! The CBOR protocol, which SDKs speak with CloudWatch. Pure.

use minicbor::data::{Tag, Type};
use minicbor::{Decoder, Encoder};
use serde_json::{Map, Number, Value};

/// Seconds since 1970 follow.
const EPOCH: Tag = Tag::new(1);
/// Deeper than any call of the service.
const DEPTH: usize = 32;

/// Reads a body; nothing where it is no CBOR of the kinds that AWS sends. Times are seconds since 1970.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    if body.is_empty() {
        return Some(Value::Object(Map::new()));
    }
    value(&mut Decoder::new(body), DEPTH)
}

fn value(from: &mut Decoder<'_>, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    Some(match from.datatype().ok()? {
        Type::Bool => from.bool().ok()?.into(),
        Type::Null | Type::Undefined => {
            from.skip().ok()?;
            Value::Null
        }
        Type::String => from.str().ok()?.into(),
        Type::StringIndef => from.str_iter().ok()?.collect::<Result<String, _>>().ok()?.into(),
        Type::F32 => float(f64::from(from.f32().ok()?)),
        Type::F64 => float(from.f64().ok()?),
        Type::Tag => {
            from.tag().ok()?;
            value(from, depth)?
        }
        Type::Array | Type::ArrayIndef => {
            let count = from.array().ok()?;
            let mut all = Vec::new();
            while more(from, count, all.len()) {
                all.push(value(from, depth)?);
            }
            all.into()
        }
        Type::Map | Type::MapIndef => {
            let count = from.map().ok()?;
            let (mut all, mut seen) = (Map::new(), 0);
            while more(from, count, seen) {
                let name = value(from, depth)?.as_str()?.to_owned();
                all.insert(name, value(from, depth)?);
                seen += 1;
            }
            all.into()
        }
        _ => from.i64().ok()?.into(),
    })
}

/// Whether an element follows; takes the break of a list without a length.
fn more(from: &mut Decoder<'_>, count: Option<u64>, seen: usize) -> bool {
    match count {
        Some(count) => (seen as u64) < count,
        None if matches!(from.datatype(), Ok(Type::Break)) => {
            let _ = from.skip();
            false
        }
        None => true,
    }
}

fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// Writes a body. Numbers of members that end in `Timestamp` or `Timestamps` are times.
pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut out = Encoder::new(Vec::new());
    // Writing into memory does not fail.
    let _ = put(&mut out, value, false);
    out.into_writer()
}

type Put = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn put(out: &mut Encoder<Vec<u8>>, value: &Value, time: bool) -> Put {
    match value {
        Value::Null => out.null()?,
        Value::Bool(yes) => out.bool(*yes)?,
        Value::String(text) => out.str(text)?,
        Value::Number(number) => {
            if time {
                out.tag(EPOCH)?;
            }
            match number.as_i64() {
                Some(whole) => out.i64(whole)?,
                None => out.f64(number.as_f64().unwrap_or_default())?,
            }
        }
        Value::Array(all) => {
            out.array(all.len() as u64)?;
            for value in all {
                put(out, value, time)?;
            }
            return Ok(());
        }
        Value::Object(all) => {
            out.map(all.len() as u64)?;
            for (name, value) in all {
                out.str(name)?;
                put(out, value, name.ends_with("Timestamp") || name.ends_with("Timestamps"))?;
            }
            return Ok(());
        }
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let value = json!({"Id": "m1", "Values": [1, 2.5, -3], "Timestamps": [1_700_000_000, 1_700_000_060.5],
                           "No": null, "On": true, "In": {"deep": []}});
        let bytes = write(&value);
        assert_eq!(read(&bytes), Some(value));
        assert_eq!(bytes.iter().filter(|b| **b == 0xc1).count(), 2, "times carry tag 1");
    }

    #[test]
    fn lists_without_a_length_are_read_and_rubbish_is_not() {
        assert_eq!(read(b"\xbf\x61a\x9f\x01\x02\xff\xff"), Some(json!({"a": [1, 2]})));
        assert_eq!(read(b""), Some(json!({})));
        assert_eq!(read(b"\xff"), None);
        assert_eq!(read(&[0x81; 100]), None, "nested without end");
    }
}
