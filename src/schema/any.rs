//! Properties that hold for any source table.

use proptest::prelude::*;

use super::my_type::{KEY_BYTES, Kind, MyType, ROW_BYTES};
use super::testing::{MARIADB, MYSQL, column, created, pipeline, table, unique};
use super::types::RULES;
use super::{drift, plan, repair_sql};
use crate::facts::{PgColumn, PgTable, TypeClass};

fn any_column() -> impl Strategy<Value = PgColumn> {
    let names: Vec<&'static str> = RULES.iter().flat_map(|r| r.names).copied().chain(["hstore", "oddity"]).collect();
    let class = prop_oneof![
        6 => Just(TypeClass::Base),
        1 => Just(TypeClass::Array),
        1 => Just(TypeClass::Enum(vec!["a".into()])),
        1 => Just(TypeClass::Composite),
    ];
    let modifier = prop_oneof![Just(-1), any::<i32>(), 0..70_000_i32];
    let longest = prop_oneof![2 => Just(None), 1 => Just(Some(u64::MAX)), 9 => (0..300_u64).prop_map(Some)];
    ("\\PC{1,8}", proptest::sample::select(names), class, modifier, longest, any::<[bool; 3]>()).prop_map(
        |(name, ty, class, modifier, longest, [not_null, identity, unique_by_statistics])| {
            let mut column = column(&name, ty, modifier);
            column.ty.class = class;
            PgColumn { not_null, identity, unique_by_statistics, longest, ..column }
        },
    )
}

fn any_table() -> impl Strategy<Value = PgTable> {
    (proptest::collection::vec(any_column(), 0..30), any::<[usize; 4]>(), any::<bool>(), any::<bool>()).prop_map(
        |(mut columns, picks, keyed, plain)| {
            for (at, column) in columns.iter_mut().enumerate().filter(|_| plain) {
                column.name = format!("c{at}");
            }
            let pick = |at: usize| columns.get(at % columns.len().max(1)).map(|c| c.name.clone());
            let names = |a: usize, b: usize| -> Vec<String> {
                let mut all: Vec<String> = [pick(a), pick(b)].into_iter().flatten().collect();
                all.dedup();
                all
            };
            let key = names(picks[0], picks[1]);
            let other = names(picks[2], picks[3]);
            let strs = |all: &[String]| all.iter().map(String::as_str).map(str::to_owned).collect::<Vec<_>>();
            let mut source = table("t", columns.clone(), &[]);
            let as_key = |name: &str, columns: &[String]| {
                let columns = strs(columns);
                unique(name, &columns.iter().map(String::as_str).collect::<Vec<_>>())
            };
            if keyed && !key.is_empty() {
                source.primary_key = Some(as_key("pk", &key));
            }
            if !other.is_empty() {
                source.unique_keys = vec![as_key("other", &other)];
            }
            source
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_plan_without_problems_is_within_the_limits_and_does_not_differ_from_itself(source in any_table(), maria in any::<bool>()) {
        let planned = plan(&source, &pipeline(), if maria { MARIADB } else { MYSQL });
        prop_assert!(planned.table.create_sql().starts_with("CREATE TABLE"));
        if !planned.problems.is_empty() {
            return Ok(());
        }
        let table = &planned.table;
        let types: Vec<MyType> = table.columns.iter().map(|c| MyType::parse(&c.sql_type)).collect();
        let row: u64 = types.iter().map(MyType::row_bytes).sum();
        prop_assert!(row <= ROW_BYTES);
        for key in table.unique_keys.iter().map(|k| &k.columns).chain([&table.primary_key]) {
            let bytes = |name: &String| table.column(name).and_then(|c| MyType::parse(&c.sql_type).key_bytes());
            prop_assert!(key.iter().map(|name| bytes(name).unwrap_or(KEY_BYTES + 1)).sum::<u64>() <= KEY_BYTES);
        }
        for (column, ty) in table.columns.iter().zip(&types) {
            prop_assert_eq!(&ty.to_string(), &column.sql_type);
            prop_assert!(!matches!(ty.kind, Kind::Other(_)), "{}", column.sql_type);
        }
        let have = created(table);
        prop_assert_eq!(drift(table, &have), vec![]);
        prop_assert_eq!(repair_sql(table, &have), None);
    }

    #[test]
    fn any_other_table_is_compared_and_mended_without_panic(one in any_table(), two in any_table()) {
        let want = plan(&one, &pipeline(), MYSQL).table;
        let mut have = created(&plan(&two, &pipeline(), MARIADB).table);
        for (there, column) in have.columns.iter_mut().zip(&want.columns) {
            there.name.clone_from(&column.name);
        }
        for difference in drift(&want, &have) {
            prop_assert!(!difference.describe().is_empty());
        }
        let _ = repair_sql(&want, &have);
    }
}
