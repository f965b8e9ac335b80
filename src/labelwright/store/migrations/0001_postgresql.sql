CREATE TABLE models (
	id SERIAL NOT NULL,
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	name_lower TEXT NOT NULL,
	arn TEXT NOT NULL,
	request TEXT NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	job_id INTEGER,
	algorithm TEXT,
	labels TEXT,
	artifact_uri TEXT,
	CONSTRAINT pk_models PRIMARY KEY (id),
	CONSTRAINT uq_models_region_name_lower UNIQUE (region, name_lower),
	CONSTRAINT uq_models_arn UNIQUE (arn)
)
;;
CREATE INDEX ix_models_job_id ON models (job_id)
;;
CREATE TABLE user_pools (
	id TEXT NOT NULL,
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	settings TEXT NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_user_pools PRIMARY KEY (id)
)
;;
CREATE TABLE throttles (
	key TEXT NOT NULL,
	n_failures INTEGER NOT NULL,
	blocked_until DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_throttles PRIMARY KEY (key)
)
;;
CREATE TABLE workforces (
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	arn TEXT NOT NULL,
	kind TEXT NOT NULL CONSTRAINT ck_workforces_kind CHECK (kind IN ('Cognito', 'Oidc')),
	config TEXT NOT NULL,
	settings TEXT NOT NULL,
	status TEXT NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_workforces PRIMARY KEY (region),
	CONSTRAINT uq_workforces_arn UNIQUE (arn)
)
;;
CREATE TABLE workteams (
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	arn TEXT NOT NULL,
	workforce_arn TEXT NOT NULL,
	description TEXT NOT NULL,
	member_definitions TEXT NOT NULL,
	settings TEXT NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_workteams PRIMARY KEY (region, name),
	CONSTRAINT uq_workteams_arn UNIQUE (arn)
)
;;
CREATE TABLE tags (
	arn TEXT NOT NULL,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	position INTEGER NOT NULL,
	CONSTRAINT pk_tags PRIMARY KEY (arn, key)
)
;;
CREATE TABLE human_task_uis (
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	arn TEXT NOT NULL,
	content TEXT NOT NULL,
	content_sha256 TEXT NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_human_task_uis PRIMARY KEY (region, name),
	CONSTRAINT uq_human_task_uis_arn UNIQUE (arn)
)
;;
CREATE TABLE endpoint_configs (
	id SERIAL NOT NULL,
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	name_lower TEXT NOT NULL,
	arn TEXT NOT NULL,
	request TEXT NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_endpoint_configs PRIMARY KEY (id),
	CONSTRAINT uq_endpoint_configs_region_name_lower UNIQUE (region, name_lower),
	CONSTRAINT uq_endpoint_configs_arn UNIQUE (arn)
)
;;
CREATE TABLE endpoints (
	id SERIAL NOT NULL,
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	name_lower TEXT NOT NULL,
	arn TEXT NOT NULL,
	status TEXT NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	failure_reason TEXT,
	n_deployments INTEGER NOT NULL,
	deployment TEXT,
	pending TEXT,
	deployment_config TEXT,
	CONSTRAINT pk_endpoints PRIMARY KEY (id),
	CONSTRAINT uq_endpoints_region_name_lower UNIQUE (region, name_lower),
	CONSTRAINT ck_endpoints_pending_while_busy CHECK ((status IN ('Creating', 'Updating')) = (pending IS NOT NULL)),
	CONSTRAINT ck_endpoints_serving_has_deployment CHECK (status NOT IN ('InService', 'Updating') OR deployment IS NOT NULL),
	CONSTRAINT uq_endpoints_arn UNIQUE (arn)
)
;;
CREATE TABLE outbox (
	id BIGSERIAL NOT NULL,
	job_id INTEGER NOT NULL,
	kind SMALLINT NOT NULL,
	at DOUBLE PRECISION NOT NULL,
	job_event_id INTEGER,
	task_id TEXT,
	worker_id TEXT,
	seconds DOUBLE PRECISION,
	CONSTRAINT pk_outbox PRIMARY KEY (id)
)
;;
CREATE TABLE resource_events (
	id BIGSERIAL NOT NULL,
	kind TEXT NOT NULL,
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	arn TEXT NOT NULL,
	detail TEXT NOT NULL,
	CONSTRAINT pk_resource_events PRIMARY KEY (id)
)
;;
CREATE TABLE event_cursors (
	name TEXT NOT NULL,
	position BIGINT NOT NULL,
	seen_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_event_cursors PRIMARY KEY (name)
)
;;
CREATE TABLE work_totals (
	job_id INTEGER NOT NULL,
	worker_id TEXT NOT NULL,
	n_accepted BIGINT NOT NULL,
	n_submitted BIGINT NOT NULL,
	n_declined BIGINT NOT NULL,
	n_returned BIGINT NOT NULL,
	seconds DOUBLE PRECISION NOT NULL,
	seconds_squared DOUBLE PRECISION NOT NULL,
	last_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_work_totals PRIMARY KEY (job_id, worker_id)
)
;;
CREATE TABLE job_progress (
	job_id INTEGER NOT NULL,
	minute BIGINT NOT NULL,
	n_human BIGINT NOT NULL,
	n_machine BIGINT NOT NULL,
	n_failed BIGINT NOT NULL,
	CONSTRAINT pk_job_progress PRIMARY KEY (job_id, minute)
)
;;
CREATE TABLE functions (
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	code_sha256 TEXT NOT NULL,
	code_bytes BIGINT NOT NULL,
	revision_id TEXT NOT NULL,
	settings TEXT NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	n_versions INTEGER DEFAULT '0' NOT NULL,
	CONSTRAINT pk_functions PRIMARY KEY (region, name, version)
)
;;
CREATE INDEX ix_functions_code_sha256 ON functions (code_sha256)
;;
CREATE TABLE function_aliases (
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	alias TEXT NOT NULL,
	version TEXT NOT NULL,
	description TEXT DEFAULT '' NOT NULL,
	revision_id TEXT NOT NULL,
	CONSTRAINT pk_function_aliases PRIMARY KEY (region, name, alias)
)
;;
CREATE TABLE function_policies (
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	qualifier TEXT NOT NULL,
	statement_id TEXT NOT NULL,
	statement TEXT NOT NULL,
	CONSTRAINT pk_function_policies PRIMARY KEY (region, name, qualifier, statement_id)
)
;;
CREATE TABLE function_events (
	id TEXT NOT NULL,
	arn TEXT NOT NULL,
	event BYTEA NOT NULL,
	n_attempts SMALLINT DEFAULT '0' NOT NULL,
	due_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_function_events PRIMARY KEY (id)
)
;;
CREATE INDEX ix_function_events_due_at ON function_events (due_at)
;;
CREATE TABLE labeling_jobs (
	id SERIAL NOT NULL,
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	name_lower TEXT NOT NULL,
	arn TEXT NOT NULL,
	reference_code TEXT NOT NULL,
	workteam_arn TEXT NOT NULL,
	request TEXT NOT NULL,
	n_workers SMALLINT DEFAULT '1' NOT NULL,
	status TEXT NOT NULL,
	failure_reason TEXT,
	stop_cause TEXT,
	stop_requested_at DOUBLE PRECISION,
	task_type TEXT NOT NULL,
	template TEXT,
	label_categories TEXT,
	manifest_uri TEXT,
	manifest_bytes BIGINT DEFAULT '0' NOT NULL,
	index_position BIGINT DEFAULT '0' NOT NULL,
	n_bad_lines BIGINT DEFAULT '0' NOT NULL,
	bad_lines TEXT,
	n_objects BIGINT DEFAULT '0' NOT NULL,
	n_human BIGINT DEFAULT '0' NOT NULL,
	n_machine BIGINT DEFAULT '0' NOT NULL,
	n_failed BIGINT DEFAULT '0' NOT NULL,
	n_human_here BIGINT DEFAULT '0' NOT NULL,
	n_machine_here BIGINT DEFAULT '0' NOT NULL,
	iteration INTEGER DEFAULT '0' NOT NULL,
	batch_first_no BIGINT DEFAULT '0' NOT NULL,
	batch_opened_at DOUBLE PRECISION,
	next_object_no BIGINT DEFAULT '0' NOT NULL,
	manifest_written_at DOUBLE PRECISION,
	manifest_is_stale BOOLEAN DEFAULT true NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	ended_at DOUBLE PRECISION,
	CONSTRAINT pk_labeling_jobs PRIMARY KEY (id),
	CONSTRAINT uq_labeling_jobs_region_name_lower UNIQUE (region, name_lower),
	CONSTRAINT uq_labeling_jobs_arn UNIQUE (arn),
	CONSTRAINT uq_labeling_jobs_reference_code UNIQUE (reference_code)
)
;;
CREATE INDEX ix_labeling_jobs_status ON labeling_jobs (status)
;;
CREATE INDEX ix_labeling_jobs_workteam_arn ON labeling_jobs (workteam_arn)
;;
CREATE TABLE worker_identities (
	worker_id TEXT NOT NULL,
	public_id TEXT NOT NULL,
	provider TEXT NOT NULL,
	issuer TEXT NOT NULL,
	subject TEXT NOT NULL,
	CONSTRAINT pk_worker_identities PRIMARY KEY (worker_id)
)
;;
CREATE TABLE metric_points (
	id BIGSERIAL NOT NULL,
	resource_kind TEXT NOT NULL,
	resource_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	value DOUBLE PRECISION NOT NULL,
	at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_metric_points PRIMARY KEY (id)
)
;;
CREATE INDEX ix_metric_points_series ON metric_points (resource_kind, resource_id, name, at)
;;
CREATE TABLE metric_last (
	resource_kind TEXT NOT NULL,
	resource_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	value DOUBLE PRECISION NOT NULL,
	at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_metric_last PRIMARY KEY (resource_kind, resource_id, name)
)
;;
CREATE TABLE training_jobs (
	id SERIAL NOT NULL,
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	name_lower TEXT NOT NULL,
	arn TEXT NOT NULL,
	request TEXT NOT NULL,
	changes TEXT DEFAULT '{}' NOT NULL,
	tuning_job_id INTEGER,
	tuning_job_arn TEXT,
	keep_alive_s INTEGER,
	training_plan_arn TEXT,
	status TEXT NOT NULL,
	secondary TEXT NOT NULL,
	message TEXT NOT NULL,
	failure_reason TEXT,
	created_at DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	started_at DOUBLE PRECISION,
	run_started_at DOUBLE PRECISION,
	earlier_s DOUBLE PRECISION DEFAULT '0' NOT NULL,
	ended_at DOUBLE PRECISION,
	host TEXT,
	seen_at DOUBLE PRECISION,
	attempt SMALLINT DEFAULT '0' NOT NULL,
	launched_at DOUBLE PRECISION,
	stop_requested_at DOUBLE PRECISION,
	interrupted_at DOUBLE PRECISION,
	progress_position BIGINT DEFAULT '0' NOT NULL,
	metrics_position BIGINT DEFAULT '0' NOT NULL,
	is_settled BOOLEAN DEFAULT false NOT NULL,
	deleted_at DOUBLE PRECISION,
	CONSTRAINT pk_training_jobs PRIMARY KEY (id),
	CONSTRAINT uq_training_jobs_region_name_lower UNIQUE (region, name_lower),
	CONSTRAINT uq_training_jobs_arn UNIQUE (arn)
)
;;
CREATE INDEX ix_training_jobs_region_created_at ON training_jobs (region, created_at)
;;
CREATE INDEX ix_training_jobs_tuning_job_id ON training_jobs (tuning_job_id)
;;
CREATE INDEX ix_training_jobs_unsettled ON training_jobs (id) WHERE NOT is_settled
;;
CREATE TABLE transform_jobs (
	id SERIAL NOT NULL,
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	name_lower TEXT NOT NULL,
	arn TEXT NOT NULL,
	request TEXT NOT NULL,
	model TEXT NOT NULL,
	status TEXT NOT NULL,
	failure_reason TEXT,
	created_at DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	started_at DOUBLE PRECISION,
	ended_at DOUBLE PRECISION,
	host TEXT,
	seen_at DOUBLE PRECISION,
	attempt INTEGER DEFAULT '0' NOT NULL,
	n_idle_attempts SMALLINT DEFAULT '0' NOT NULL,
	n_done BIGINT DEFAULT '0' NOT NULL,
	n_failed BIGINT DEFAULT '0' NOT NULL,
	is_settled BOOLEAN DEFAULT false NOT NULL,
	CONSTRAINT pk_transform_jobs PRIMARY KEY (id),
	CONSTRAINT uq_transform_jobs_region_name_lower UNIQUE (region, name_lower),
	CONSTRAINT uq_transform_jobs_arn UNIQUE (arn)
)
;;
CREATE INDEX ix_transform_jobs_region_created_at ON transform_jobs (region, created_at)
;;
CREATE INDEX ix_transform_jobs_unsettled ON transform_jobs (id) WHERE NOT is_settled
;;
CREATE TABLE tuning_jobs (
	id SERIAL NOT NULL,
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	name_lower TEXT NOT NULL,
	arn TEXT NOT NULL,
	request TEXT NOT NULL,
	strategy TEXT NOT NULL,
	seed BIGINT NOT NULL,
	status TEXT NOT NULL,
	end_status TEXT,
	failure_reason TEXT,
	created_at DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	ended_at DOUBLE PRECISION,
	converged_at DOUBLE PRECISION,
	deleted_at DOUBLE PRECISION,
	CONSTRAINT pk_tuning_jobs PRIMARY KEY (id),
	CONSTRAINT uq_tuning_jobs_region_name_lower UNIQUE (region, name_lower),
	CONSTRAINT uq_tuning_jobs_arn UNIQUE (arn)
)
;;
CREATE INDEX ix_tuning_jobs_open ON tuning_jobs (id) WHERE ended_at IS NULL
;;
CREATE TABLE runs (
	id SERIAL NOT NULL,
	region TEXT NOT NULL,
	name TEXT NOT NULL,
	arn TEXT NOT NULL,
	job_id INTEGER NOT NULL,
	iteration INTEGER NOT NULL,
	attempt SMALLINT NOT NULL,
	host TEXT NOT NULL,
	status TEXT NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	started_at DOUBLE PRECISION,
	modified_at DOUBLE PRECISION NOT NULL,
	ended_at DOUBLE PRECISION,
	failure_reason TEXT,
	detail TEXT DEFAULT '{}' NOT NULL,
	CONSTRAINT pk_runs PRIMARY KEY (id),
	CONSTRAINT uq_runs_job_id_iteration_attempt UNIQUE (job_id, iteration, attempt),
	CONSTRAINT uq_runs_name UNIQUE (name),
	CONSTRAINT uq_runs_arn UNIQUE (arn),
	CONSTRAINT fk_runs_job_id_labeling_jobs FOREIGN KEY(job_id) REFERENCES labeling_jobs (id) ON DELETE CASCADE
)
;;
CREATE TABLE automated_jobs (
	job_id INTEGER NOT NULL,
	seed BIGINT NOT NULL,
	n_training BIGINT NOT NULL,
	n_validation BIGINT NOT NULL,
	stage TEXT NOT NULL,
	reason TEXT,
	start_model_arn TEXT,
	model_arn TEXT,
	n_labels_at_model BIGINT DEFAULT '0' NOT NULL,
	advice TEXT,
	CONSTRAINT pk_automated_jobs PRIMARY KEY (job_id),
	CONSTRAINT fk_automated_jobs_job_id_labeling_jobs FOREIGN KEY(job_id) REFERENCES labeling_jobs (id) ON DELETE CASCADE
)
;;
CREATE TABLE automated_members (
	job_id INTEGER NOT NULL,
	role SMALLINT NOT NULL,
	object_no BIGINT NOT NULL,
	iteration INTEGER NOT NULL,
	draw INTEGER DEFAULT '0' NOT NULL,
	CONSTRAINT pk_automated_members PRIMARY KEY (job_id, role, object_no),
	CONSTRAINT fk_automated_members_job_id_labeling_jobs FOREIGN KEY(job_id) REFERENCES labeling_jobs (id) ON DELETE CASCADE
)
;;
CREATE TABLE automated_passes (
	job_id INTEGER NOT NULL,
	iteration INTEGER NOT NULL,
	status TEXT NOT NULL,
	started_at DOUBLE PRECISION NOT NULL,
	labeled_at DOUBLE PRECISION,
	ended_at DOUBLE PRECISION,
	run_name TEXT,
	n_labels BIGINT NOT NULL,
	n_applied BIGINT DEFAULT '0' NOT NULL,
	report TEXT DEFAULT '{}' NOT NULL,
	CONSTRAINT pk_automated_passes PRIMARY KEY (job_id, iteration),
	CONSTRAINT fk_automated_passes_job_id_labeling_jobs FOREIGN KEY(job_id) REFERENCES labeling_jobs (id) ON DELETE CASCADE
)
;;
CREATE TABLE user_pool_clients (
	id TEXT NOT NULL,
	pool_id TEXT NOT NULL,
	name TEXT NOT NULL,
	secret TEXT,
	settings TEXT NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_user_pool_clients PRIMARY KEY (id),
	CONSTRAINT fk_user_pool_clients_pool_id_user_pools FOREIGN KEY(pool_id) REFERENCES user_pools (id) ON DELETE CASCADE
)
;;
CREATE INDEX ix_user_pool_clients_pool_id ON user_pool_clients (pool_id)
;;
CREATE TABLE user_pool_domains (
	domain TEXT NOT NULL,
	pool_id TEXT NOT NULL,
	CONSTRAINT pk_user_pool_domains PRIMARY KEY (domain),
	CONSTRAINT fk_user_pool_domains_pool_id_user_pools FOREIGN KEY(pool_id) REFERENCES user_pools (id) ON DELETE CASCADE
)
;;
CREATE INDEX ix_user_pool_domains_pool_id ON user_pool_domains (pool_id)
;;
CREATE TABLE user_groups (
	pool_id TEXT NOT NULL,
	name TEXT NOT NULL,
	description TEXT DEFAULT '' NOT NULL,
	precedence INTEGER,
	role_arn TEXT,
	created_at DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_user_groups PRIMARY KEY (pool_id, name),
	CONSTRAINT fk_user_groups_pool_id_user_pools FOREIGN KEY(pool_id) REFERENCES user_pools (id) ON DELETE CASCADE
)
;;
CREATE TABLE users (
	id TEXT NOT NULL,
	pool_id TEXT NOT NULL,
	username TEXT NOT NULL,
	worker_code TEXT NOT NULL,
	email TEXT DEFAULT '' NOT NULL,
	attributes TEXT NOT NULL,
	password_hash TEXT,
	status TEXT NOT NULL,
	is_enabled BOOLEAN NOT NULL,
	temporary_until DOUBLE PRECISION,
	created_at DOUBLE PRECISION NOT NULL,
	modified_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_users PRIMARY KEY (id),
	CONSTRAINT uq_users_pool_id_username UNIQUE (pool_id, username),
	CONSTRAINT fk_users_pool_id_user_pools FOREIGN KEY(pool_id) REFERENCES user_pools (id) ON DELETE CASCADE,
	CONSTRAINT uq_users_worker_code UNIQUE (worker_code)
)
;;
CREATE INDEX ix_users_username ON users (username)
;;
CREATE TABLE workteam_groups (
	workteam_arn TEXT NOT NULL,
	pool_id TEXT NOT NULL,
	group_name TEXT NOT NULL,
	CONSTRAINT pk_workteam_groups PRIMARY KEY (workteam_arn, pool_id, group_name),
	CONSTRAINT fk_workteam_groups_workteam_arn_workteams FOREIGN KEY(workteam_arn) REFERENCES workteams (arn) ON DELETE CASCADE
)
;;
CREATE INDEX ix_workteam_groups_group ON workteam_groups (pool_id, group_name)
;;
CREATE TABLE async_invocations (
	id BIGSERIAL NOT NULL,
	endpoint_id INTEGER NOT NULL,
	region TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	request TEXT NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	expires_at DOUBLE PRECISION NOT NULL,
	n_attempts INTEGER DEFAULT '0' NOT NULL,
	CONSTRAINT pk_async_invocations PRIMARY KEY (id),
	CONSTRAINT fk_async_invocations_endpoint_id_endpoints FOREIGN KEY(endpoint_id) REFERENCES endpoints (id) ON DELETE CASCADE
)
;;
CREATE INDEX ix_async_invocations_endpoint_id ON async_invocations (endpoint_id)
;;
CREATE TABLE data_objects (
	job_id INTEGER NOT NULL,
	object_no BIGINT NOT NULL,
	state SMALLINT NOT NULL,
	position BIGINT NOT NULL,
	length INTEGER NOT NULL,
	iteration INTEGER,
	n_free SMALLINT DEFAULT '0' NOT NULL,
	n_answers SMALLINT DEFAULT '0' NOT NULL,
	n_declined SMALLINT DEFAULT '0' NOT NULL,
	group_id INTEGER,
	CONSTRAINT pk_data_objects PRIMARY KEY (job_id, object_no),
	CONSTRAINT ck_data_objects_counts CHECK (n_free >= 0 AND n_answers >= 0 AND n_declined >= 0),
	CONSTRAINT fk_data_objects_job_id_labeling_jobs FOREIGN KEY(job_id) REFERENCES labeling_jobs (id) ON DELETE CASCADE
)
;;
CREATE INDEX ix_data_objects_active ON data_objects (job_id, state, object_no) WHERE state IN (1, 2, 3)
;;
CREATE INDEX ix_data_objects_queue ON data_objects (job_id, n_free, object_no) WHERE n_free > 0
;;
CREATE INDEX ix_data_objects_reserved ON data_objects (job_id, iteration, object_no) WHERE state = 0 AND iteration IS NOT NULL
;;
CREATE TABLE batches (
	job_id INTEGER NOT NULL,
	iteration INTEGER NOT NULL,
	first_no BIGINT NOT NULL,
	end_no BIGINT NOT NULL,
	opened_at DOUBLE PRECISION NOT NULL,
	n_changes INTEGER DEFAULT '1' NOT NULL,
	n_written INTEGER DEFAULT '0' NOT NULL,
	CONSTRAINT pk_batches PRIMARY KEY (job_id, iteration),
	CONSTRAINT fk_batches_job_id_labeling_jobs FOREIGN KEY(job_id) REFERENCES labeling_jobs (id) ON DELETE CASCADE
)
;;
CREATE TABLE consolidation_groups (
	id SERIAL NOT NULL,
	job_id INTEGER NOT NULL,
	iteration INTEGER NOT NULL,
	frozen_at DOUBLE PRECISION NOT NULL,
	stamp TEXT NOT NULL,
	is_done BOOLEAN NOT NULL,
	CONSTRAINT pk_consolidation_groups PRIMARY KEY (id),
	CONSTRAINT uq_consolidation_groups_job_id_iteration_stamp UNIQUE (job_id, iteration, stamp),
	CONSTRAINT fk_consolidation_groups_job_id_labeling_jobs FOREIGN KEY(job_id) REFERENCES labeling_jobs (id) ON DELETE CASCADE
)
;;
CREATE INDEX ix_consolidation_groups_job_id ON consolidation_groups (job_id)
;;
CREATE TABLE job_events (
	id SERIAL NOT NULL,
	job_id INTEGER NOT NULL,
	at DOUBLE PRECISION NOT NULL,
	name TEXT NOT NULL,
	detail TEXT DEFAULT '' NOT NULL,
	CONSTRAINT pk_job_events PRIMARY KEY (id),
	CONSTRAINT fk_job_events_job_id_labeling_jobs FOREIGN KEY(job_id) REFERENCES labeling_jobs (id) ON DELETE CASCADE
)
;;
CREATE INDEX ix_job_events_job_id ON job_events (job_id)
;;
CREATE TABLE training_transitions (
	job_id INTEGER NOT NULL,
	position INTEGER NOT NULL,
	status TEXT NOT NULL,
	message TEXT NOT NULL,
	started_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_training_transitions PRIMARY KEY (job_id, position),
	CONSTRAINT fk_training_transitions_job_id_training_jobs FOREIGN KEY(job_id) REFERENCES training_jobs (id) ON DELETE CASCADE
)
;;
CREATE TABLE tuning_trials (
	tuning_job_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	definition INTEGER NOT NULL,
	training_job_id INTEGER NOT NULL,
	tuned TEXT NOT NULL,
	is_stopped_early BOOLEAN DEFAULT false NOT NULL,
	outcome TEXT,
	value DOUBLE PRECISION,
	ended_no INTEGER,
	CONSTRAINT pk_tuning_trials PRIMARY KEY (tuning_job_id, number),
	CONSTRAINT fk_tuning_trials_tuning_job_id_tuning_jobs FOREIGN KEY(tuning_job_id) REFERENCES tuning_jobs (id) ON DELETE CASCADE,
	CONSTRAINT uq_tuning_trials_training_job_id UNIQUE (training_job_id),
	CONSTRAINT fk_tuning_trials_training_job_id_training_jobs FOREIGN KEY(training_job_id) REFERENCES training_jobs (id)
)
;;
CREATE TABLE group_members (
	pool_id TEXT NOT NULL,
	group_name TEXT NOT NULL,
	user_id TEXT NOT NULL,
	CONSTRAINT pk_group_members PRIMARY KEY (pool_id, group_name, user_id),
	CONSTRAINT fk_group_members_pool_id_group_name_user_groups FOREIGN KEY(pool_id, group_name) REFERENCES user_groups (pool_id, name) ON DELETE CASCADE,
	CONSTRAINT fk_group_members_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
)
;;
CREATE INDEX ix_group_members_user_id ON group_members (user_id)
;;
CREATE TABLE sessions (
	token_sha256 TEXT NOT NULL,
	user_id TEXT NOT NULL,
	created_at DOUBLE PRECISION NOT NULL,
	expires_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_sessions PRIMARY KEY (token_sha256),
	CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
)
;;
CREATE INDEX ix_sessions_user_id ON sessions (user_id)
;;
CREATE TABLE task_inputs (
	job_id INTEGER NOT NULL,
	object_no BIGINT NOT NULL,
	input BYTEA NOT NULL,
	CONSTRAINT pk_task_inputs PRIMARY KEY (job_id, object_no),
	CONSTRAINT fk_task_inputs_job_id_object_no_data_objects FOREIGN KEY(job_id, object_no) REFERENCES data_objects (job_id, object_no) ON DELETE CASCADE
)
;;
CREATE TABLE tasks (
	id TEXT NOT NULL,
	job_id INTEGER NOT NULL,
	object_no BIGINT NOT NULL,
	worker_id TEXT NOT NULL,
	state TEXT NOT NULL,
	is_live BOOLEAN NOT NULL,
	taken_at DOUBLE PRECISION NOT NULL,
	accepted_at DOUBLE PRECISION,
	expires_at DOUBLE PRECISION NOT NULL,
	ended_at DOUBLE PRECISION,
	time_spent_s DOUBLE PRECISION,
	answer BYTEA,
	answer_sha256 TEXT,
	CONSTRAINT pk_tasks PRIMARY KEY (id),
	CONSTRAINT fk_tasks_job_id_object_no_data_objects FOREIGN KEY(job_id, object_no) REFERENCES data_objects (job_id, object_no) ON DELETE CASCADE,
	CONSTRAINT ck_tasks_answer CHECK ((state = 'submitted') = (answer IS NOT NULL)),
	CONSTRAINT fk_tasks_job_id_labeling_jobs FOREIGN KEY(job_id) REFERENCES labeling_jobs (id) ON DELETE CASCADE
)
;;
CREATE UNIQUE INDEX uq_tasks_object_worker ON tasks (job_id, object_no, worker_id) WHERE state IN ('reserved', 'working', 'paused', 'submitted', 'declined')
;;
CREATE UNIQUE INDEX uq_tasks_worker_at_work ON tasks (worker_id, job_id, state) WHERE state IN ('reserved', 'working')
;;
CREATE INDEX ix_tasks_live_expiry ON tasks (expires_at) WHERE is_live
;;
CREATE INDEX ix_tasks_live_worker ON tasks (worker_id, job_id) WHERE is_live
;;
CREATE TABLE group_lineage (
	group_id INTEGER NOT NULL,
	algorithm TEXT NOT NULL,
	version TEXT NOT NULL,
	parameters TEXT NOT NULL,
	made_at DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_group_lineage PRIMARY KEY (group_id),
	CONSTRAINT fk_group_lineage_group_id_consolidation_groups FOREIGN KEY(group_id) REFERENCES consolidation_groups (id) ON DELETE CASCADE
)
;;
CREATE TABLE labels (
	job_id INTEGER NOT NULL,
	object_no BIGINT NOT NULL,
	group_id INTEGER,
	content BYTEA NOT NULL,
	CONSTRAINT pk_labels PRIMARY KEY (job_id, object_no),
	CONSTRAINT fk_labels_job_id_object_no_data_objects FOREIGN KEY(job_id, object_no) REFERENCES data_objects (job_id, object_no) ON DELETE CASCADE
)
;;
CREATE OR REPLACE FUNCTION outbox_of_job_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO outbox (job_id, kind, at, job_event_id) VALUES (NEW.job_id, 0, NEW.at, NEW.id); RETURN NULL; END $$
;;
CREATE TRIGGER outbox_of_job_events AFTER INSERT ON job_events FOR EACH ROW EXECUTE FUNCTION outbox_of_job_events()
;;
CREATE OR REPLACE FUNCTION outbox_of_new_tasks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO outbox (job_id, kind, at, task_id, worker_id, seconds) VALUES (NEW.job_id, 1, NEW.accepted_at, NEW.id, NEW.worker_id, NULL); RETURN NULL; END $$
;;
CREATE TRIGGER outbox_of_new_tasks AFTER INSERT ON tasks FOR EACH ROW WHEN (NEW.accepted_at IS NOT NULL) EXECUTE FUNCTION outbox_of_new_tasks()
;;
CREATE OR REPLACE FUNCTION outbox_of_tasks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.accepted_at IS NULL AND NEW.accepted_at IS NOT NULL THEN INSERT INTO outbox (job_id, kind, at, task_id, worker_id, seconds) VALUES (NEW.job_id, 1, NEW.accepted_at, NEW.id, NEW.worker_id, NULL); END IF; IF OLD.is_live AND NOT NEW.is_live AND (NEW.accepted_at IS NOT NULL OR NEW.state = 'declined') THEN INSERT INTO outbox (job_id, kind, at, task_id, worker_id, seconds) VALUES (NEW.job_id, CASE NEW.state WHEN 'submitted' THEN 2 WHEN 'declined' THEN 3 ELSE 4 END, NEW.ended_at, NEW.id, NEW.worker_id, NEW.time_spent_s); END IF; RETURN NULL; END $$
;;
CREATE TRIGGER outbox_of_tasks AFTER UPDATE OF state, is_live, accepted_at ON tasks FOR EACH ROW WHEN ((OLD.accepted_at IS NULL AND NEW.accepted_at IS NOT NULL) OR (OLD.is_live AND NOT NEW.is_live AND (NEW.accepted_at IS NOT NULL OR NEW.state = 'declined'))) EXECUTE FUNCTION outbox_of_tasks()
