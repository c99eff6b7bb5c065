//! The one table of checks, a line each.

use super::Check;

/// Every check, in the order in which a connection meets what they look at; fixes are applied in this order too.
///
/// `AUT-024` and `AUT-025` mean "there is a session": a check that needs one on the source or the target stands
/// behind it, and with that behind all that can stop a login.
#[rustfmt::skip]
pub static ALL: &[&Check] = &[
    &super::net_019_source_name_does_not_resolve::CHECK,
    &super::net_020_source_unreachable::CHECK,
    &super::net_021_target_name_does_not_resolve::CHECK,
    &super::net_022_target_unreachable::CHECK,
    &super::net_001_endpoint_host_is_not_the_published_one::CHECK,
    &super::net_002_endpoint_port_is_not_the_published_one::CHECK,
    &super::net_007_instance_and_database_in_different_vpcs::CHECK,
    &super::net_010_subnet_group_in_one_zone::CHECK,
    &super::net_011_subnet_nearly_full::CHECK,
    &super::net_009_dns_off_in_the_vpc::CHECK,
    &super::net_003_source_security_group_closed::CHECK,
    &super::net_004_target_security_group_closed::CHECK,
    &super::net_005_no_egress_from_replication_instance::CHECK,
    &super::net_006_network_acl_refuses::CHECK,
    &super::net_008_peering_does_not_resolve_names::CHECK,
    &super::net_012_no_route_to_s3::CHECK,
    &super::net_013_no_route_to_secrets_manager::CHECK,
    &super::net_016_glue_subnet_cannot_reach_s3::CHECK,
    &super::net_017_glue_security_group_not_self_referencing::CHECK,
    &super::net_015_source_sees_a_nat_gateway::CHECK,
    &super::net_014_source_in_dms_own_network::CHECK,
    &super::net_018_reachable_there_but_not_here::CHECK,
    &super::tls_001_plaintext_to_tls_only_source::CHECK,
    &super::tls_002_tls_demand_hidden_by_prefer::CHECK,
    &super::tls_004_plaintext_to_tls_only_target::CHECK,
    &super::tls_012_private_authority_unknown::CHECK,
    &super::tls_011_glue_connection_plaintext_to_tls_only_target::CHECK,
    &super::tls_010_tls_neither_demanded_nor_used::CHECK,
    &super::tls_003_require_on_a_mysql_endpoint::CHECK,
    &super::tls_005_verify_without_certificate::CHECK,
    &super::tls_006_server_certificate_ends_soon::CHECK,
    &super::tls_007_name_not_in_certificate::CHECK,
    &super::tls_008_target_speaks_tls_13_only::CHECK,
    &super::tls_009_tls_parameter_not_in_force::CHECK,
    &super::aut_001_wrong_source_password::CHECK,
    &super::aut_002_no_pg_hba_entry::CHECK,
    &super::aut_003_pg_hba_rejects_connection::CHECK,
    &super::aut_005_identifier_taken_for_database_name::CHECK,
    &super::aut_006_user_name_taken_for_database_name::CHECK,
    &super::aut_007_database_name_differs_in_case::CHECK,
    &super::aut_008_no_connect_privilege::CHECK,
    &super::aut_009_login_may_not_replicate::CHECK,
    &super::aut_010_tables_not_readable::CHECK,
    &super::aut_011_later_tables_not_readable::CHECK,
    &super::aut_012_ddl_capture_not_permitted::CHECK,
    &super::aut_013_login_limited::CHECK,
    &super::aut_014_iam_login_with_password::CHECK,
    &super::aut_015_no_connection_left::CHECK,
    &super::aut_016_target_access_denied::CHECK,
    &super::aut_017_target_database_missing::CHECK,
    &super::aut_026_no_target_connection_left::CHECK,
    &super::aut_024_source_login_refused::CHECK,
    &super::aut_025_target_login_refused::CHECK,
    &super::aut_018_target_rights_incomplete::CHECK,
    &super::aut_019_grant_tables_not_readable::CHECK,
    &super::aut_021_managed_password_kept_in_endpoint::CHECK,
    &super::aut_022_secret_without_host::CHECK,
    &super::aut_020_glue_driver_cannot_do_caching_sha2::CHECK,
    &super::aut_023_glue_driver_cannot_do_scram::CHECK,
    &super::src_001_wal_level_not_logical::CHECK,
    &super::src_005_no_free_replication_slot::CHECK,
    &super::src_006_no_free_wal_sender::CHECK,
    &super::src_007_wal_sender_timeout_out_of_range::CHECK,
    &super::src_010_statement_timeout::CHECK,
    &super::src_012_long_transaction::CHECK,
    &super::src_013_prepared_transaction::CHECK,
    &super::src_014_slot_can_be_invalidated::CHECK,
    &super::src_015_slots_can_fill_the_disk::CHECK,
    &super::src_016_idle_slots_are_invalidated::CHECK,
    &super::src_019_source_is_a_standby::CHECK,
    &super::src_022_slot_without_reader::CHECK,
    &super::src_023_quiet_database_holds_wal::CHECK,
    &super::src_024_disk_fills_with_wal::CHECK,
    &super::src_002_default_parameter_group::CHECK,
    &super::src_003_parameter_set_in_instance_group_of_aurora::CHECK,
    &super::src_004_parameter_waits_for_reboot::CHECK,
    &super::src_008_worker_processes_short::CHECK,
    &super::src_009_idle_transactions_are_ended::CHECK,
    &super::src_011_sessions_are_ended::CHECK,
    &super::src_017_decoding_spills_to_disk::CHECK,
    &super::src_018_aurora_commits_asynchronously::CHECK,
    &super::src_021_postgres_too_new_for_dms::CHECK,
    &super::src_030_change_of_source_loses_slots::CHECK,
    &super::src_031_aurora_serverless_v1::CHECK,
    &super::src_032_postgres_10_4::CHECK,
    &super::src_020_source_behind_rds_proxy::CHECK,
    &super::src_025_ddl_of_replicated_changes_unseen::CHECK,
    &super::src_026_decoding_plugin_missing::CHECK,
    &super::src_027_other_tables_are_decoded_too::CHECK,
    &super::src_028_row_security_hides_rows::CHECK,
    &super::src_029_source_not_utf8::CHECK,
    &super::tbl_019_selection_matches_nothing::CHECK,
    &super::tbl_001_no_primary_key::CHECK,
    &super::tbl_002_only_nullable_unique_key::CHECK,
    &super::tbl_003_replica_identity_nothing::CHECK,
    &super::tbl_006_key_cannot_be_indexed::CHECK,
    &super::tbl_009_unlogged_table::CHECK,
    &super::tbl_014_generated_column::CHECK,
    &super::tcf_001_local_infile_off::CHECK,
    &super::tcf_002_max_allowed_packet_small::CHECK,
    &super::tcf_003_target_timeouts_short::CHECK,
    &super::tcf_004_foreign_keys_enforced_during_load::CHECK,
    &super::tcf_005_ansi_quotes::CHECK,
    &super::tcf_006_database_not_utf8mb4::CHECK,
    &super::tcf_007_names_differ_in_case_only::CHECK,
    &super::tcf_008_target_read_only::CHECK,
    &super::tcf_009_triggers_fire_on_replicated_rows::CHECK,
    &super::tcf_010_timestamps_change_by_themselves::CHECK,
    &super::tcf_011_session_not_in_utc::CHECK,
    &super::tcf_013_connections_fewer_than_threads::CHECK,
    &super::tcf_014_long_target_transaction::CHECK,
    &super::tcf_017_target_short_of_storage::CHECK,
    &super::tcf_015_target_version_out_of_support::CHECK,
    &super::tcf_016_standby_slows_full_load::CHECK,
    &super::tcf_018_no_way_back::CHECK,
    &super::tcf_019_validation_orders_text_differently::CHECK,
    &super::tsc_001_target_lost_its_primary_key::CHECK,
    &super::tsc_002_recreated_by_spark::CHECK,
    &super::tsc_004_other_primary_key::CHECK,
    &super::tsc_005_target_column_missing::CHECK,
    &super::tsc_006_target_type_narrower::CHECK,
    &super::tsc_012_target_engine_not_innodb::CHECK,
    &super::tsc_013_target_column_generated::CHECK,
    &super::tsc_021_target_table_missing::CHECK,
    &super::tsc_022_extra_required_column::CHECK,
    &super::tsc_023_target_refuses_null::CHECK,
    &super::tsc_024_extra_unique_key::CHECK,
    &super::tsc_025_key_collation_merges_values::CHECK,
    &super::iam_001_aws_login_or_region_wrong::CHECK,
    &super::iam_002_caller_lacks_permissions::CHECK,
    &super::iam_003_dms_vpc_role_missing::CHECK,
    &super::iam_004_dms_logs_role_missing::CHECK,
    &super::iam_005_s3_role_lacks_rights::CHECK,
    &super::iam_006_role_may_not_be_passed::CHECK,
    &super::iam_007_secret_not_readable::CHECK,
    &super::iam_008_kms_key_refused::CHECK,
    &super::iam_010_role_conditions_name_another_account::CHECK,
    &super::iam_011_redshift_role_unneeded::CHECK,
    &super::iam_012_credentials_end_soon::CHECK,
    &super::iam_013_s3_role_lacks_athena_and_glue::CHECK,
    &super::iam_009_glue_role_lacks_rights::CHECK,
    &super::glu_028_glue_connection_missing::CHECK,
    &super::dri_010_instance_key_unusable::CHECK,
    &super::dri_001_replication_instance_not_available::CHECK,
    &super::dri_002_dms_engine_version_ends::CHECK,
    &super::dri_003_replication_instance_burstable::CHECK,
    &super::dri_004_replication_instance_short_of_memory::CHECK,
    &super::dri_005_replication_instance_short_of_storage::CHECK,
    &super::dri_006_replication_instance_in_one_zone::CHECK,
    &super::dri_007_maintenance_waits::CHECK,
    &super::dri_008_replication_instance_public::CHECK,
    &super::dri_009_dms_quota_nearly_used::CHECK,
    &super::dri_011_instance_class_not_offered::CHECK,
    &super::dep_003_endpoint_not_active::CHECK,
    &super::dep_004_database_set_on_mysql_endpoint::CHECK,
    &super::dep_005_endpoint_engine_differs::CHECK,
    &super::dep_006_endpoint_points_at_reader::CHECK,
    &super::dep_007_extra_attributes_malformed::CHECK,
    &super::dep_008_ddl_capture_without_rights::CHECK,
    &super::dep_009_named_slot_unusable::CHECK,
    &super::dep_010_replication_slot_shared::CHECK,
    &super::dep_011_execute_timeout_short_for_large_table::CHECK,
    &super::dep_012_lob_truncation_goes_unnoticed::CHECK,
    &super::dep_013_numbers_sent_as_text::CHECK,
    &super::dep_014_after_connect_script_unchecked::CHECK,
    &super::dep_015_secret_role_trusts_other_region::CHECK,
    &super::dep_016_schemas_could_not_be_read::CHECK,
    &super::dep_017_parallel_load_set_in_the_wrong_place::CHECK,
    &super::dep_018_password_kept_in_endpoint::CHECK,
    &super::dep_019_connection_timeout_short::CHECK,
    &super::dep_020_plaintext_endpoint_to_tls_only_source::CHECK,
    &super::dep_021_plaintext_endpoint_to_tls_only_target::CHECK,
    &super::dep_022_endpoint_names_no_database_of_the_source::CHECK,
    &super::dep_001_connection_never_tested::CHECK,
    &super::dep_002_connection_test_failed::CHECK,
    &super::dtk_028_dms_part_not_there::CHECK,
    &super::dtk_001_migration_type_differs::CHECK,
    &super::dtk_002_target_tables_dropped_at_start::CHECK,
    &super::dtk_003_lob_settings_incoherent::CHECK,
    &super::dtk_004_full_lob_mode_with_s3::CHECK,
    &super::dtk_005_batch_apply_with_s3::CHECK,
    &super::dtk_006_batch_apply_with_full_lobs::CHECK,
    &super::dtk_007_batch_apply_without_key::CHECK,
    &super::dtk_008_task_logging_off::CHECK,
    &super::dtk_009_detailed_debug_log_left_on::CHECK,
    &super::dtk_010_validation_off::CHECK,
    &super::dtk_011_validation_reads_other_lob_size::CHECK,
    &super::dtk_012_error_policy_hides_loss::CHECK,
    &super::dtk_013_empty_selection_goes_unnoticed::CHECK,
    &super::dtk_014_errors_retried_for_ever::CHECK,
    &super::dtk_015_stopped_task_lost_its_slot::CHECK,
    &super::dtk_016_no_stop_for_foreign_keys::CHECK,
    &super::dtk_017_destructive_ddl_carried_over::CHECK,
    &super::dtk_018_target_schema_set::CHECK,
    &super::dtk_019_full_load_needs_too_much_memory::CHECK,
    &super::dtk_020_control_tables_off::CHECK,
    &super::dtk_021_tasks_share_s3_folder::CHECK,
    &super::dtk_022_cdc_start_cannot_be_reached::CHECK,
    &super::dtk_023_no_premigration_assessment::CHECK,
    &super::dtk_024_assessment_run_failed::CHECK,
    &super::dtk_025_masking_with_validation::CHECK,
    &super::dtk_026_table_mappings_invalid::CHECK,
    &super::dtk_027_task_not_startable::CHECK,
    &super::rsk_005_replication_instance_idle::CHECK,
    &super::rsk_007_database_public::CHECK,
    &super::rsk_008_target_without_safety_net::CHECK,
    &super::rsk_010_full_load_presses_source::CHECK,
    &super::rsk_014_bucket_public::CHECK,
    &super::rsk_011_bucket_not_guarded::CHECK,
    &super::rsk_012_task_logs_kept_for_ever::CHECK,
    &super::run_009_replication_slot_unhealthy::CHECK,
    &super::run_017_schema_changed_during_sync::CHECK,
    &super::run_018_canary_changed_or_lost::CHECK,
    &super::run_019_rows_differ::CHECK,
    &super::run_020_target_not_as_kept::CHECK,
    &super::run_001_task_failed::CHECK,
    &super::run_002_table_in_error::CHECK,
    &super::run_003_full_load_stands_still::CHECK,
    &super::run_004_changes_seen_and_not_applied::CHECK,
    &super::run_005_source_latency_high::CHECK,
    &super::run_006_target_latency_high::CHECK,
    &super::run_007_changes_pile_up_on_disk::CHECK,
    &super::run_008_replication_instance_exhausted::CHECK,
    &super::run_010_changes_that_could_not_be_applied::CHECK,
    &super::run_011_validation_found_differences::CHECK,
    &super::run_012_dms_events_of_trouble::CHECK,
    &super::run_013_errors_in_task_log::CHECK,
    &super::run_014_running_and_dead::CHECK,
    &super::run_015_slot_lost_in_failover::CHECK,
    &super::run_016_glue_run_failed::CHECK,
    &super::run_021_assessment_found_faults::CHECK,
    &super::run_022_nothing_raises_an_alarm::CHECK,
    // Last, so that its undo comes first: with the guard on, no repaired table could be put back as it was.
    &super::tcf_012_no_guard_against_keyless_tables::CHECK,
];

/// The check with this code or name, in any case.
#[must_use]
pub fn find(code_or_name: &str) -> Option<&'static Check> {
    ALL.iter().copied().find(|c| c.code.eq_ignore_ascii_case(code_or_name) || c.name.eq_ignore_ascii_case(code_or_name))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::checks::testing::{healthy, healthy_mariadb, healthy_rds, healthy_sync};
    use crate::checks::testing_aws::healthy_dms;
    use crate::diagnose::{Outcome, judge};
    use crate::facts::Facts;

    #[test]
    fn codes_and_names_are_unique_and_well_formed() {
        let mut seen = HashSet::new();
        for check in ALL {
            assert!(seen.insert(check.code), "{} twice", check.code);
            assert!(seen.insert(check.name), "{} twice", check.name);
            let (area, number) = check.code.split_once('-').unwrap();
            assert_eq!(area.to_lowercase(), check.area.as_str(), "{}", check.code);
            assert!(number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()), "{}", check.code);
            let kebab = check
                .name
                .split('-')
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
            assert!(kebab, "{} is not kebab-case", check.name);
            assert!(!check.title.ends_with('.'), "{}: the title ends with a full stop", check.code);
        }
    }

    #[test]
    fn explanations_have_their_four_parts_in_order() {
        for check in ALL {
            let headings: Vec<&str> =
                check.explanation.lines().filter_map(|l| l.trim_start().strip_prefix("# ")).collect();
            assert_eq!(
                headings,
                ["What it looks at", "Why it matters", "How to fix it by hand", "Source"],
                "{}",
                check.code
            );
        }
    }

    #[test]
    fn predecessors_exist_and_make_no_circle() {
        fn walk(check: &Check, way: &mut Vec<&str>) {
            assert!(!way.contains(&check.code), "{} stands behind itself: {way:?}", check.code);
            way.push(check.code);
            for code in check.after {
                walk(find(code).unwrap_or_else(|| panic!("{} stands behind {code}: no such check", check.code)), way);
            }
            way.pop();
        }
        for check in ALL {
            walk(check, &mut Vec::new());
        }
    }

    #[test]
    fn nothing_is_wrong_with_a_healthy_pipeline() {
        let all = [
            ("plain", healthy()),
            ("mariadb", healthy_mariadb()),
            ("rds", healthy_rds()),
            ("in sync", healthy_sync()),
            ("dms", healthy_dms()),
        ];
        for (name, facts) in all {
            for j in judge(ALL, &facts) {
                assert!(
                    matches!(j.outcome, Outcome::Pass | Outcome::NotApplicable(_)),
                    "{} on {name}: {:?}",
                    j.check.code,
                    j.outcome
                );
            }
        }
    }

    #[test]
    fn before_anything_is_collected_every_check_is_running() {
        for pipeline in [healthy().pipeline, healthy_dms().pipeline] {
            for j in judge(ALL, &Facts::pending(pipeline)) {
                assert!(
                    matches!(j.outcome, Outcome::Running | Outcome::NotApplicable(_)),
                    "{}: {:?}",
                    j.check.code,
                    j.outcome
                );
            }
        }
    }

    #[test]
    fn checks_are_found_by_code_and_name_in_any_case() {
        assert_eq!(find("net-020").map(|c| c.name), Some("source-unreachable"));
        assert_eq!(find("Source-Unreachable").map(|c| c.code), Some("NET-020"));
        assert!(find("NET-999").is_none());
    }
}
