//! From DMS's types to plain ones.

use aws_sdk_databasemigration::types as dms;
use serde_json::Value;

use super::convert::{moment, port, some, text};
use super::dms_model::{DmsEndpoint, DmsTask, MySqlSettings, PostgresSettings, ReplicationInstance, S3Settings};
use super::dms_records::{DmsCertificate, TableStatistics};
use super::sql_script::assignments;

pub(super) fn instance(from: &dms::ReplicationInstance) -> ReplicationInstance {
    let subnets = from.replication_subnet_group();
    let told = |addresses: &[String]| addresses.iter().filter(|a| !a.is_empty()).cloned().collect();
    ReplicationInstance {
        identifier: text(from.replication_instance_identifier()),
        arn: text(from.replication_instance_arn()),
        status: text(from.replication_instance_status()),
        class: text(from.replication_instance_class()),
        engine_version: text(from.engine_version()),
        storage_gb: from.allocated_storage(),
        multi_az: from.multi_az(),
        public: from.publicly_accessible(),
        private_addresses: told(from.replication_instance_private_ip_addresses()),
        public_addresses: told(from.replication_instance_public_ip_addresses()),
        auto_minor_upgrade: from.auto_minor_version_upgrade(),
        maintenance_window: some(from.preferred_maintenance_window()),
        vpc: subnets.and_then(|s| some(s.vpc_id())),
        subnets: subnets.iter().flat_map(|s| s.subnets()).filter_map(|s| some(s.subnet_identifier())).collect(),
        security_groups: from.vpc_security_groups().iter().filter_map(|g| some(g.vpc_security_group_id())).collect(),
        kms_key: some(from.kms_key_id()),
        created: moment(from.instance_create_time()),
    }
}

pub(super) fn endpoint(from: &dms::Endpoint) -> DmsEndpoint {
    let (pg, my) = (from.postgre_sql_settings(), from.my_sql_settings());
    let secret = pg.and_then(|s| some(s.secrets_manager_secret_id()));
    let role = pg.and_then(|s| some(s.secrets_manager_access_role_arn()));
    DmsEndpoint {
        identifier: text(from.endpoint_identifier()),
        arn: text(from.endpoint_arn()),
        side: text(from.endpoint_type().map(dms::ReplicationEndpointTypeValue::as_str)).to_lowercase(),
        engine: text(from.engine_name()),
        status: text(from.status()),
        // What came in by settings is not always repeated at the top.
        host: some(from.server_name())
            .or_else(|| pg.and_then(|s| some(s.server_name())))
            .or_else(|| my.and_then(|s| some(s.server_name()))),
        port: port(from.port())
            .or_else(|| port(pg.and_then(dms::PostgreSqlSettings::port)))
            .or_else(|| port(my.and_then(dms::MySqlSettings::port))),
        database: some(from.database_name()).or_else(|| pg.and_then(|s| some(s.database_name()))),
        user: some(from.username())
            .or_else(|| pg.and_then(|s| some(s.username())))
            .or_else(|| my.and_then(|s| some(s.username()))),
        ssl_mode: text(from.ssl_mode().map(dms::DmsSslModeValue::as_str)),
        certificate: some(from.certificate_arn()),
        secret: secret.or_else(|| my.and_then(|s| some(s.secrets_manager_secret_id()))),
        secret_role: role.or_else(|| my.and_then(|s| some(s.secrets_manager_access_role_arn()))),
        attributes: without_secrets(from.extra_connection_attributes().unwrap_or_default()),
        postgres: pg.map(postgres),
        mysql: my.map(mysql),
        s3: from.s3_settings().map(s3),
    }
}

/// Attributes may hold a password for a proxy or a key store.
fn without_secrets(attributes: &str) -> String {
    let hidden = |attribute: &str| {
        let name = attribute.split('=').next().unwrap_or_default().to_lowercase();
        ["password", "passwd", "secretkey", "token"].iter().any(|word| name.contains(word))
    };
    let shown =
        |a: &str| if hidden(a) { format!("{}=…", a.split('=').next().unwrap_or_default()) } else { a.to_owned() };
    attributes.split(';').map(shown).collect::<Vec<_>>().join(";")
}

fn postgres(from: &dms::PostgreSqlSettings) -> PostgresSettings {
    PostgresSettings {
        slot_name: some(from.slot_name()),
        plugin: from.plugin_name().map(|p| p.as_str().to_owned()),
        heartbeat: from.heartbeat_enable(),
        heartbeat_minutes: from.heartbeat_frequency(),
        heartbeat_schema: some(from.heartbeat_schema()),
        capture_ddls: from.capture_ddls(),
        ddl_schema: some(from.ddl_artifacts_schema()),
        execute_timeout: from.execute_timeout(),
        fail_on_lob_truncation: from.fail_tasks_on_lob_truncation(),
        map_boolean: from.map_boolean_as_boolean(),
        after_connect_script: from.after_connect_script().is_some_and(|s| !s.is_empty()),
    }
}

fn mysql(from: &dms::MySqlSettings) -> MySqlSettings {
    MySqlSettings {
        database: some(from.database_name()),
        parallel_load_threads: from.parallel_load_threads(),
        target_db_type: from.target_db_type().map(|t| t.as_str().to_owned()),
        execute_timeout: from.execute_timeout(),
        after_connect_script: from.after_connect_script().is_some_and(|s| !s.is_empty()),
        script_sets: from.after_connect_script().map(assignments).unwrap_or_default(),
    }
}

fn s3(from: &dms::S3Settings) -> S3Settings {
    S3Settings {
        bucket: some(from.bucket_name()),
        folder: some(from.bucket_folder()),
        role: some(from.service_access_role_arn()),
        format: from.data_format().map(|f| f.as_str().to_owned()),
        include_op_for_full_load: from.include_op_for_full_load(),
        timestamp_column: some(from.timestamp_column_name()),
        encryption: from.encryption_mode().map(|m| m.as_str().to_owned()),
        glue_catalog: from.glue_catalog_generation().unwrap_or_default(),
    }
}

pub(super) fn task(from: &dms::ReplicationTask) -> DmsTask {
    let stats = from.replication_task_stats();
    let settings = from.replication_task_settings().unwrap_or_default();
    let tables = stats.map(|s| (s.tables_loaded(), s.tables_loading(), s.tables_queued(), s.tables_errored()));
    DmsTask {
        identifier: text(from.replication_task_identifier()),
        arn: text(from.replication_task_arn()),
        migration_type: text(from.migration_type().map(dms::MigrationTypeValue::as_str)),
        status: text(from.status()),
        stop_reason: some(from.stop_reason()),
        failure: some(from.last_failure_message()),
        source_arn: text(from.source_endpoint_arn()),
        target_arn: text(from.target_endpoint_arn()),
        instance_arn: text(from.replication_instance_arn()),
        settings: serde_json::from_str(settings).unwrap_or(Value::Null),
        mappings: text(from.table_mappings()),
        cdc_start_position: some(from.cdc_start_position()),
        started: moment(from.replication_task_start_date()),
        percent: stats.map_or(0, dms::ReplicationTaskStats::full_load_progress_percent),
        tables: tables.unwrap_or_default(),
    }
}

pub(super) fn certificate(from: &dms::Certificate) -> DmsCertificate {
    DmsCertificate {
        identifier: text(from.certificate_identifier()),
        arn: text(from.certificate_arn()),
        pem: some(from.certificate_pem()),
        until: moment(from.valid_to_date()),
    }
}

pub(super) fn table(from: &dms::TableStatistics) -> TableStatistics {
    let count = |n: Option<i64>| n.unwrap_or(0);
    TableStatistics {
        schema: text(from.schema_name()),
        table: text(from.table_name()),
        state: text(from.table_state()),
        full_load_rows: from.full_load_rows(),
        full_load_errors: from.full_load_error_rows(),
        seen: (from.inserts(), from.updates(), from.deletes()),
        applied: (count(from.applied_inserts()), count(from.applied_updates()), count(from.applied_deletes())),
        ddls: from.ddls(),
        validation: some(from.validation_state()),
        validation_failed: from.validation_failed_records(),
        validation_details: some(from.validation_state_details()),
    }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn attributes_lose_their_secrets_and_nothing_else() {
        let given = "executeTimeout=60;proxyPassword=hunter2;slotName=a";
        assert_eq!(without_secrets(given), "executeTimeout=60;proxyPassword=…;slotName=a");
    }
}
