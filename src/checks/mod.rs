//! The rule book. One file per check: its explanation, what it is, and one pure function from
//! facts to a verdict. [`registry::ALL`] lists them, a line each.

#[macro_use]
mod declare;
mod model;
pub mod registry;

mod aws_fixes;
mod aws_parts;
mod databases;
mod encryption;
mod hosts;
mod logins;
mod pairs;
mod publication;
mod repair;
mod replication;
mod slots;
mod source_keys;
mod source_tables;
mod target_variables;
mod vantage;

mod aut_001_wrong_source_password;
mod aut_002_no_pg_hba_entry;
mod aut_005_identifier_taken_for_database_name;
mod aut_006_user_name_taken_for_database_name;
mod aut_007_database_name_differs_in_case;
mod aut_008_no_connect_privilege;
mod aut_009_login_may_not_replicate;
mod aut_010_tables_not_readable;
mod aut_016_target_access_denied;
mod aut_017_target_database_missing;
mod aut_024_source_login_refused;
mod aut_025_target_login_refused;
mod dep_001_connection_never_tested;
mod dep_002_connection_test_failed;
mod dep_003_endpoint_not_active;
mod dep_020_plaintext_endpoint_to_tls_only_source;
mod dep_021_plaintext_endpoint_to_tls_only_target;
mod dep_022_endpoint_names_no_database_of_the_source;
mod dri_001_replication_instance_not_available;
mod iam_001_aws_login_or_region_wrong;
mod net_001_endpoint_host_is_not_the_published_one;
mod net_002_endpoint_port_is_not_the_published_one;
mod net_018_reachable_there_but_not_here;
mod net_019_source_name_does_not_resolve;
mod net_020_source_unreachable;
mod net_021_target_name_does_not_resolve;
mod net_022_target_unreachable;
mod run_009_replication_slot_unhealthy;
mod run_017_schema_changed_during_sync;
mod run_018_canary_changed_or_lost;
mod run_019_rows_differ;
mod src_001_wal_level_not_logical;
mod src_002_default_parameter_group;
mod src_004_parameter_waits_for_reboot;
mod src_005_no_free_replication_slot;
mod src_006_no_free_wal_sender;
mod src_010_statement_timeout;
mod src_012_long_transaction;
mod src_013_prepared_transaction;
mod src_014_slot_can_be_invalidated;
mod src_015_slots_can_fill_the_disk;
mod src_016_idle_slots_are_invalidated;
mod src_019_source_is_a_standby;
mod src_022_slot_without_reader;
mod src_023_quiet_database_holds_wal;
mod src_024_disk_fills_with_wal;
mod tbl_001_no_primary_key;
mod tbl_002_only_nullable_unique_key;
mod tbl_003_replica_identity_nothing;
mod tbl_006_key_cannot_be_indexed;
mod tbl_009_unlogged_table;
mod tbl_014_generated_column;
mod tbl_019_selection_matches_nothing;
mod tcf_001_local_infile_off;
mod tcf_006_database_not_utf8mb4;
mod tcf_008_target_read_only;
mod tcf_012_no_guard_against_keyless_tables;
mod tls_001_plaintext_to_tls_only_source;
mod tls_002_tls_demand_hidden_by_prefer;
mod tls_003_require_on_a_mysql_endpoint;
mod tls_004_plaintext_to_tls_only_target;
mod tls_005_verify_without_certificate;
mod tls_006_server_certificate_ends_soon;
mod tls_009_tls_parameter_not_in_force;
mod tls_010_tls_neither_demanded_nor_used;
mod tsc_001_target_lost_its_primary_key;
mod tsc_002_recreated_by_spark;
mod tsc_004_other_primary_key;
mod tsc_005_target_column_missing;
mod tsc_006_target_type_narrower;
mod tsc_012_target_engine_not_innodb;
mod tsc_013_target_column_generated;
mod tsc_021_target_table_missing;
mod tsc_022_extra_required_column;
mod tsc_023_target_refuses_null;
mod tsc_024_extra_unique_key;
mod tsc_025_key_collation_merges_values;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod testing_aws;

pub use model::{Area, Check, Finding, Judged, Severity, Verdict};
