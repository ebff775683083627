# A CA inside the process, for unit tests and the simulation.
fake_ca_sources = \
	tests/support/crl_maker.c tests/support/crl_maker.h \
	tests/support/fake_ca.c tests/support/fake_ca.h tests/support/fake_ca_private.h \
	tests/support/fake_ca_jws.c tests/support/fake_ca_x509.c \
	tests/support/fake_ca_objects.c tests/support/fake_ca_objects.h

# A world of its own for certd, in virtual time.
sim_sources = tests/sim/sim.c tests/sim/sim.h
world_sources = $(sim_sources) \
	tests/sim/checks.c tests/sim/checks.h \
	tests/sim/weather.c \
	tests/sim/world.c tests/sim/world.h \
	tests/support/store_invariants.c tests/support/store_invariants.h

# tests/support/store_faults.h
store_faults_wrap = $(AM_LDFLAGS) \
	-Wl,--wrap=lmdb_get -Wl,--wrap=lmdb_seek -Wl,--wrap=lmdb_keys -Wl,--wrap=lmdb_write

# Unit tests: one Criterion program per folder, tests/unit/<folder>/test_<module>.c each.
if HAVE_CRITERION
check_PROGRAMS += unit-common
TESTS += unit-common
UNIT_LIBS = $(CRITERION_LIBS)

unit_common_SOURCES = \
	tests/unit/common/test_address.c \
	tests/unit/common/test_ca.c \
	tests/unit/common/test_calendar.c \
	tests/unit/common/test_conf.c \
	tests/unit/common/test_error.c \
	tests/unit/common/test_json.c \
	tests/unit/common/test_xml.c \
	tests/unit/common/test_name.c \
	tests/unit/common/test_printable.c \
	tests/unit/common/test_retry.c \
	tests/unit/common/test_scope.c \
	tests/unit/common/test_timefmt.c \
	tests/unit/common/test_utf8.c \
	tests/unit/common/test_webroot_entry.c \
	tests/unit/common/crypto/chains.h \
	tests/unit/common/crypto/mini_ca.c \
	tests/unit/common/crypto/mini_ca.h \
	tests/unit/common/crypto/test_acme_txt.c \
	tests/unit/common/crypto/test_base64url.c \
	tests/unit/common/crypto/test_cert_file.c \
	tests/unit/common/crypto/test_cert_import.c \
	tests/support/crl_maker.c tests/support/crl_maker.h \
	tests/unit/common/crypto/test_crl.c \
	tests/unit/common/crypto/test_ocsp.c \
	tests/unit/common/crypto/test_csr.c \
	tests/unit/common/crypto/test_jws.c \
	tests/unit/common/crypto/test_key.c \
	tests/unit/common/crypto/test_key_uri.c \
	tests/unit/common/crypto/test_ossl.c \
	tests/unit/common/crypto/test_pbe_cost.c \
	tests/unit/common/crypto/test_pem.c \
	tests/unit/common/crypto/test_jks.c \
	tests/unit/common/crypto/test_pkcs12.c \
	tests/unit/common/crypto/test_sealed.c \
	tests/unit/common/crypto/test_sealed_stream.c \
	tests/unit/common/crypto/test_secret.c \
	tests/unit/common/crypto/test_x509.c \
	tests/unit/common/crypto/test_x509_roots.c \
	tests/unit/common/crypto/csr_vectors.h \
	tests/unit/common/crypto/rsa8192.h \
	tests/unit/common/crypto/vectors.h \
	tests/unit/common/api/test_api.c \
	tests/unit/common/api/test_api_rest.c \
	tests/unit/common/api/test_api_words.c \
	tests/unit/common/api/test_endpoint.c \
	tests/unit/common/api/test_event.c \
	tests/unit/common/api/test_event_catalog.c \
	tests/unit/common/api/test_rpc.c
unit_common_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_common_LDADD = $(COMMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-base
TESTS += unit-base
unit_base_SOURCES = \
	tests/support/hostile_peers.c tests/support/hostile_peers.h \
	tests/support/journal.c tests/support/journal.h \
	tests/support/process.c tests/support/process.h \
	tests/support/relay.c tests/support/relay.h \
	tests/support/tls_server.c tests/support/tls_server.h \
	tests/unit/base/test_clock.c \
	tests/unit/base/test_dns.c \
	tests/unit/base/test_dns_doh.c \
	tests/unit/base/test_dns_message.c \
	tests/unit/base/test_fair.c \
	tests/unit/base/test_hook.c \
	tests/unit/base/test_http.c \
	tests/unit/base/test_http_gate.c \
	tests/unit/base/test_http_mail.c \
	tests/unit/base/test_http_url.c \
	tests/unit/base/test_httpd_conn.c \
	tests/unit/base/test_httpd_head.c \
	tests/unit/base/test_acceptor.c \
	tests/unit/base/test_listen.c \
	tests/unit/base/test_log.c \
	tests/unit/base/test_loop.c \
	tests/unit/base/test_meter.c \
	tests/unit/base/test_notify.c \
	tests/unit/base/test_pid_file.c \
	tests/unit/base/test_port_owner.c \
	tests/unit/base/test_process.c \
	tests/unit/base/test_sdbus.c \
	tests/unit/base/test_signer.c \
	tests/unit/base/test_tls_guard.c \
	tests/unit/base/test_workers.c
unit_base_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_base_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-dnsprovider
TESTS += unit-dnsprovider
unit_dnsprovider_SOURCES = \
	tests/support/process.c tests/support/process.h \
	tests/support/store_invariants.c tests/support/store_invariants.h \
	tests/unit/store/tmp_store.c tests/unit/store/tmp_store.h \
	tests/unit/dnsprovider/test_dnsprovider.c \
	tests/unit/dnsprovider/test_exec.c \
	tests/unit/dnsprovider/script.c \
	tests/unit/dnsprovider/script.h \
	tests/unit/dnsprovider/services.c tests/unit/dnsprovider/services.h \
	tests/unit/dnsprovider/signatures.h \
	tests/unit/dnsprovider/test_dns_apis.c \
	tests/unit/dnsprovider/test_dns_services.c \
	tests/unit/dnsprovider/test_http_api.c \
	tests/unit/dnsprovider/test_server.c
unit_dnsprovider_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_dnsprovider_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-challenge
TESTS += unit-challenge
unit_challenge_SOURCES = \
	tests/support/process.c tests/support/process.h \
	tests/support/store_invariants.c tests/support/store_invariants.h \
	tests/unit/store/tmp_store.c tests/unit/store/tmp_store.h \
	tests/unit/challenge/dns_daemon.c tests/unit/challenge/dns_daemon.h \
	tests/unit/challenge/rig.c tests/unit/challenge/rig.h \
	tests/unit/challenge/test_choice.c \
	tests/unit/challenge/test_dns01.c \
	tests/unit/challenge/test_dns_target.c \
	tests/unit/challenge/test_http01.c \
	tests/unit/challenge/test_http_check.c \
	tests/unit/challenge/test_manual.c \
	tests/unit/challenge/test_record_sets.c \
	tests/unit/challenge/test_solver.c \
	tests/unit/challenge/test_tlsalpn.c \
	tests/unit/challenge/test_txt_queue.c \
	tests/unit/challenge/test_webroot.c
unit_challenge_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_challenge_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-store
TESTS += unit-store
unit_store_SOURCES = \
	tests/unit/store/test_certificate.c \
	tests/unit/store/test_object.c \
	tests/unit/store/test_object_query.c \
	tests/unit/store/test_record.c \
	tests/unit/store/test_setting.c \
	tests/unit/store/test_store.c \
	tests/unit/store/test_store_backup.c \
	tests/unit/store/test_store_crypt.c \
	tests/unit/store/test_store_damage.c \
	tests/unit/store/test_store_disk.c \
	tests/unit/store/test_store_guard.c \
	tests/unit/store/test_store_model.c \
	tests/unit/store/test_store_rekey.c \
	tests/unit/store/test_store_space.c \
	tests/support/store_faults.c tests/support/store_faults.h \
	tests/support/store_invariants.c tests/support/store_invariants.h \
	tests/unit/store/tmp_store.c \
	tests/unit/store/tmp_store.h
# The disk and the tags of test_store_backup.c.
unit_store_LDFLAGS = $(store_faults_wrap) -Wl,--wrap=backup_file_write -Wl,--wrap=store_crypt_verifies
unit_store_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_store_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)
check_PROGRAMS += unit-renew
TESTS += unit-renew
unit_renew_SOURCES = $(world_sources) $(fake_ca_sources) \
	tests/support/store_faults.c tests/support/store_faults.h \
	tests/unit/renew/run.c tests/unit/renew/run.h \
	tests/unit/renew/test_account.c \
	tests/unit/renew/test_decision.c \
	tests/unit/renew/test_ari.c tests/unit/renew/test_ari_policy.c \
	tests/unit/renew/test_account_rollover.c \
	tests/unit/renew/test_reissue.c \
	tests/unit/renew/test_revoke.c \
	tests/unit/renew/test_authorize.c \
	tests/unit/common/crypto/mini_ca.c tests/unit/common/crypto/mini_ca.h \
	tests/unit/renew/test_crl.c \
	tests/unit/renew/test_ct.c tests/unit/renew/test_ct_read.c \
	tests/unit/renew/test_every_step.c \
	tests/unit/renew/test_explain.c \
	tests/unit/renew/test_drop_names.c \
	tests/unit/renew/test_expiry.c \
	tests/unit/renew/test_failover.c \
	tests/unit/renew/test_failed_reads.c \
	tests/unit/renew/test_clock_change.c \
	tests/unit/renew/test_consequences.c \
	tests/unit/renew/test_breaker.c tests/unit/renew/test_ledger.c tests/unit/renew/test_rate.c tests/unit/renew/test_rate_limit.c \
	tests/unit/renew/test_damage.c \
	tests/unit/renew/test_lifted.c \
	tests/unit/renew/test_pair.c \
	tests/unit/renew/test_rehearse.c \
	tests/unit/renew/test_scheduler.c \
	tests/unit/renew/test_settings.c \
	tests/unit/renew/test_startup.c \
	tests/unit/renew/test_time.c \
	tests/unit/renew/test_time_guard.c \
	tests/unit/renew/test_window.c \
	tests/support/process.c tests/support/process.h \
	tests/unit/challenge/dns_daemon.c tests/unit/challenge/dns_daemon.h \
	tests/unit/challenge/rig.c tests/unit/challenge/rig.h \
	tests/unit/renew/test_dane.c \
	tests/unit/renew/test_persist.c \
	tests/unit/store/tmp_store.c tests/unit/store/tmp_store.h \
	tests/unit/renew/test_forecast.c tests/unit/renew/test_guard.c tests/unit/renew/test_policy.c
unit_renew_LDFLAGS = $(store_faults_wrap)
unit_renew_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_renew_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-ready
TESTS += unit-ready
unit_ready_SOURCES = $(world_sources) $(fake_ca_sources) \
	tests/support/process.c tests/support/process.h \
	tests/unit/ready/test_caa.c \
	tests/unit/ready/test_ready.c \
	tests/unit/ready/test_runs.c \
	tests/unit/renew/run.c tests/unit/renew/run.h
unit_ready_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
# The answers of test_ready.c.
unit_ready_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=dns_ask -Wl,--wrap=dns_ask_unvalidated -Wl,--wrap=dns_resolve \
	-Wl,--wrap=dns_cancel -Wl,--wrap=dns_target_find -Wl,--wrap=dns_target_cancel -Wl,--wrap=dnsprovider_driver \
	-Wl,--wrap=solver_method -Wl,--wrap=http_check_start -Wl,--wrap=http_check_cancel
unit_ready_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-alert
TESTS += unit-alert
unit_alert_SOURCES = $(world_sources) $(fake_ca_sources) \
	tests/support/process.c tests/support/process.h \
	tests/unit/renew/run.c tests/unit/renew/run.h \
	tests/unit/alert/test_alert_command.c \
	tests/unit/alert/test_alert_kind.c \
	tests/unit/alert/test_alerts.c \
	tests/unit/alert/test_condition.c \
	tests/unit/alert/test_mail_text.c \
	tests/unit/alert/test_webhook_body.c \
	tests/unit/store/tmp_store.c tests/unit/store/tmp_store.h
unit_alert_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_alert_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-control
TESTS += unit-control
unit_control_SOURCES = $(world_sources) $(fake_ca_sources) \
	tests/support/store_faults.c tests/support/store_faults.h \
	tests/support/process.c tests/support/process.h \
	tests/unit/common/crypto/mini_ca.c tests/unit/common/crypto/mini_ca.h \
	tests/unit/store/tmp_store.c tests/unit/store/tmp_store.h \
	tests/unit/control/script.c tests/unit/control/script.h \
	tests/unit/control/test_calls.c \
	tests/unit/control/test_master_key.c \
	tests/unit/control/test_metrics.c \
	tests/unit/control/test_rest_answer.c \
	tests/unit/control/test_forecast_page.c \
	tests/unit/control/test_rest_page.c \
	tests/unit/control/test_rest_tls.c \
	tests/unit/control/test_server.c \
	tests/unit/renew/run.c tests/unit/renew/run.h \
	tests/unit/control/test_session.c \
	tests/unit/control/test_status.c
EXTRA_DIST += tests/unit/control/calls
unit_control_LDFLAGS = $(store_faults_wrap)
unit_control_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_control_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-schedule
TESTS += unit-schedule
unit_schedule_SOURCES = $(world_sources) $(fake_ca_sources) \
	tests/unit/renew/run.c tests/unit/renew/run.h \
	tests/unit/store/tmp_store.c tests/unit/store/tmp_store.h \
	tests/unit/schedule/test_job.c \
	tests/unit/schedule/test_schedule.c
unit_schedule_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_schedule_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-service
TESTS += unit-service
unit_service_SOURCES = \
	tests/support/process.c tests/support/process.h \
	tests/support/store_invariants.c tests/support/store_invariants.h \
	tests/unit/store/tmp_store.c tests/unit/store/tmp_store.h \
	tests/unit/service/test_access.c \
	tests/unit/service/test_diff.c \
	tests/unit/service/test_effect.c \
	tests/unit/service/test_fields.c \
	tests/unit/service/test_list.c \
	tests/unit/service/test_metrics_file.c \
	tests/unit/service/test_metrics_table.c \
	tests/unit/service/test_metrics_text.c \
	tests/unit/service/test_passed_fds.c \
	tests/unit/service/test_peer.c \
	tests/unit/service/test_settings.c \
	tests/unit/service/test_tables.c \
	tests/unit/service/test_token.c
unit_service_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_service_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-report
TESTS += unit-report
unit_report_SOURCES = \
	tests/support/store_faults.c tests/support/store_faults.h \
	tests/support/journal.c tests/support/journal.h \
	tests/support/store_invariants.c tests/support/store_invariants.h \
	tests/unit/store/tmp_store.c tests/unit/store/tmp_store.h \
	tests/unit/report/test_audit.c \
	tests/unit/report/test_audit_chain.c \
	tests/unit/report/test_events.c \
	tests/unit/report/test_refusals.c
unit_report_LDFLAGS = $(store_faults_wrap)
unit_report_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_report_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-rollout
TESTS += unit-rollout
unit_rollout_SOURCES = $(world_sources) $(fake_ca_sources) \
	tests/support/process.c tests/support/process.h \
	tests/unit/renew/run.c tests/unit/renew/run.h \
	tests/unit/rollout/test_activate.c \
	tests/unit/rollout/test_consumer_kind.c \
	tests/unit/rollout/test_consumer_unit.c \
	tests/unit/rollout/test_crash.c \
	tests/unit/rollout/drop_rig.c tests/unit/rollout/drop_rig.h \
	tests/unit/rollout/test_drop.c \
	tests/unit/rollout/test_drop_content.c \
	tests/unit/rollout/test_drop_dir.c \
	tests/unit/rollout/test_drop_ledger.c \
	tests/unit/rollout/test_haproxy.c \
	tests/unit/rollout/test_drop_file.c tests/unit/rollout/test_drop_output.c tests/unit/rollout/test_drop_races.c tests/unit/rollout/test_output.c \
	tests/unit/common/crypto/mini_ca.c tests/unit/common/crypto/mini_ca.h \
	tests/unit/rollout/test_probe.c tests/unit/rollout/test_probe_judge.c \
	tests/unit/rollout/test_starttls.c \
	tests/unit/rollout/test_rollout.c tests/unit/rollout/test_rollout_check.c tests/unit/rollout/test_rollout_plan.c tests/unit/rollout/test_rollback.c \
	tests/unit/rollout/test_rollout_consumer.c \
	tests/unit/rollout/test_withdraw.c \
	tests/unit/store/tmp_store.c tests/unit/store/tmp_store.h \
	tests/support/disk_points.c tests/support/disk_points.h \
	tests/support/hostile_peers.c tests/support/hostile_peers.h \
	tests/support/tls_server.c tests/support/tls_server.h
unit_rollout_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
# The service manager of test_consumer_unit.c.
unit_rollout_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=unit_job_start -Wl,--wrap=unit_job_cancel
unit_rollout_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

# kill -9 of the store alone, at random moments; the daemon's kills are system tests.
check_PROGRAMS += fault-store-kill
TESTS += fault-store-kill
fault_store_kill_SOURCES = tests/fault/store_kill.c
fault_store_kill_LDADD = $(DAEMON_LIBS)

# Not a test: see its head.
check_PROGRAMS += canary-lost
canary_lost_SOURCES = tests/fault/canary.c

check_PROGRAMS += unit-acme
TESTS += unit-acme
unit_acme_SOURCES = $(fake_ca_sources) \
	tests/unit/acme/fixture.c tests/unit/acme/fixture.h \
	tests/unit/acme/test_acme_client.c \
	tests/unit/acme/test_acme_msg.c \
	tests/unit/acme/test_acme_nonce.c \
	tests/unit/acme/test_acme_chain.c \
	tests/unit/acme/test_acme_order.c \
	tests/unit/acme/test_acme_problem.c
unit_acme_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_acme_LDADD = $(DAEMON_LIBS) $(UNIT_LIBS)

check_PROGRAMS += unit-ctl
TESTS += unit-ctl
unit_ctl_SOURCES = \
	tests/unit/ctl/scripted.c tests/unit/ctl/scripted.h \
	tests/unit/ctl/command/test_args.c \
	tests/unit/ctl/command/test_check.c \
	tests/unit/ctl/base/test_client.c \
	tests/unit/ctl/present/test_columns.c \
	tests/unit/ctl/command/test_env.c \
	tests/unit/ctl/command/test_help.c \
	tests/unit/ctl/command/test_hostile.c \
	tests/unit/ctl/present/test_live_table.c \
	tests/unit/ctl/present/test_output.c \
	tests/unit/ctl/present/test_terminal.c \
	tests/unit/ctl/declare/test_plan.c \
	tests/unit/ctl/migrate/test_files.c \
	tests/unit/ctl/migrate/test_hooks.c \
	tests/unit/ctl/migrate/test_settings.c \
	tests/unit/ctl/declare/test_tsig_file.c \
	tests/unit/ctl/command/test_wait.c \
	tests/unit/ctl/declare/test_yaml_file.c
unit_ctl_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
unit_ctl_LDADD = libctl.a $(COMMON_LIBS) $(YAML_LIBS) $(PTHREAD_LIBS) $(UNIT_LIBS)

# Not a test: see its head.
check_PROGRAMS += canary-leak
canary_leak_SOURCES = tests/unit/canary/leak.c
canary_leak_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
canary_leak_LDADD = $(UNIT_LIBS)
check_PROGRAMS += canary-race
canary_race_SOURCES = tests/unit/canary/race.c
endif

# Years in virtual time. `make check` runs the short form, `make check-sim-long` the long one, for minutes.

check_PROGRAMS += sim-policy
TESTS += sim-policy
sim_policy_SOURCES = $(sim_sources) \
	tests/sim/fleet.c tests/sim/fleet.h \
	tests/sim/policy.c \
	tests/sim/queue.c tests/sim/queue.h
sim_policy_LDADD = $(DAEMON_LIBS)

check_PROGRAMS += sim-issue
TESTS += sim-issue
sim_issue_SOURCES = $(world_sources) $(fake_ca_sources) \
	tests/sim/issue.c
sim_issue_LDADD = $(DAEMON_LIBS)

check-sim-long: sim-policy$(EXEEXT) sim-issue$(EXEEXT)
	SIM_LONG=1 ./sim-policy$(EXEEXT)
	SIM_LONG=1 ./sim-issue$(EXEEXT)
# A fleet of 100,000: no certificate expires, no rate limit is hit, mass replacement is in time; see tests/sim/fleet.c.
check-renewals: sim-policy$(EXEEXT)
	SIM_FLEET=100000 ./sim-policy$(EXEEXT)
.PHONY: check-sim-long check-renewals

# daemon/acme and the HTTP transport without the daemon, for system tests.
check_PROGRAMS += acme_once
acme_once_SOURCES = tests/support/acme_once.c
acme_once_LDADD = $(DAEMON_LIBS)

# Fuzz harnesses: tests/fuzz/fuzz_<parser>.c with its corpus in tests/fuzz/corpus/<parser>/. An ordinary build makes
# programs that replay the corpus, and runs them in `make check`; --enable-fuzzing makes libFuzzer programs. For each:
#	FUZZERS += fuzz-jws
#	fuzz_jws_SOURCES = tests/fuzz/fuzz_jws.c
#	fuzz_jws_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
#	EXTRA_DIST += tests/fuzz/corpus/jws
FUZZERS =

FUZZERS += fuzz-dns_message
fuzz_dns_message_SOURCES = tests/fuzz/fuzz_dns_message.c
fuzz_dns_message_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/dns_message

FUZZERS += fuzz-calendar
fuzz_calendar_SOURCES = tests/fuzz/fuzz_calendar.c
fuzz_calendar_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/calendar

FUZZERS += fuzz-caa
fuzz_caa_SOURCES = tests/fuzz/fuzz_caa.c
fuzz_caa_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/caa

FUZZERS += fuzz-starttls
fuzz_starttls_SOURCES = tests/fuzz/fuzz_starttls.c
fuzz_starttls_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/starttls

FUZZERS += fuzz-api
fuzz_api_SOURCES = tests/fuzz/fuzz_api.c
fuzz_api_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/api

FUZZERS += fuzz-conf
fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c
fuzz_conf_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/conf

FUZZERS += fuzz-rpc
fuzz_rpc_SOURCES = tests/fuzz/fuzz_rpc.c
fuzz_rpc_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/rpc

FUZZERS += fuzz-record
fuzz_record_SOURCES = tests/fuzz/fuzz_record.c
fuzz_record_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/record

FUZZERS += fuzz-acme_msg
fuzz_acme_msg_SOURCES = tests/fuzz/fuzz_acme_msg.c
fuzz_acme_msg_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/acme_msg

FUZZERS += fuzz-acme_txt
fuzz_acme_txt_SOURCES = tests/fuzz/fuzz_acme_txt.c
fuzz_acme_txt_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/acme_txt

FUZZERS += fuzz-base64url
fuzz_base64url_SOURCES = tests/fuzz/fuzz_base64url.c
fuzz_base64url_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/base64url

FUZZERS += fuzz-json
fuzz_json_SOURCES = tests/fuzz/fuzz_json.c
fuzz_json_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/json

FUZZERS += fuzz-csr
fuzz_csr_SOURCES = tests/fuzz/fuzz_csr.c
fuzz_csr_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/csr

FUZZERS += fuzz-key_pem
fuzz_key_pem_SOURCES = tests/fuzz/fuzz_key_pem.c tests/support/key_pem.h
fuzz_key_pem_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/key_pem

FUZZERS += fuzz-name
fuzz_name_SOURCES = tests/fuzz/fuzz_name.c
fuzz_name_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/name

FUZZERS += fuzz-timefmt
fuzz_timefmt_SOURCES = tests/fuzz/fuzz_timefmt.c
fuzz_timefmt_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/timefmt

FUZZERS += fuzz-scope
fuzz_scope_SOURCES = tests/fuzz/fuzz_scope.c
fuzz_scope_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/scope

FUZZERS += fuzz-token
fuzz_token_SOURCES = tests/fuzz/fuzz_token.c
fuzz_token_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/token

FUZZERS += fuzz-xml
fuzz_xml_SOURCES = tests/fuzz/fuzz_xml.c
fuzz_xml_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/xml

FUZZERS += fuzz-yaml_file
fuzz_yaml_file_SOURCES = tests/fuzz/fuzz_yaml_file.c
fuzz_yaml_file_LDADD = $(FUZZ_LIBS) libctl.a $(COMMON_LIBS) $(YAML_LIBS)
EXTRA_DIST += tests/fuzz/corpus/yaml_file

FUZZERS += fuzz-x509
fuzz_x509_SOURCES = tests/fuzz/fuzz_x509.c
fuzz_x509_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/x509

FUZZERS += fuzz-crl
fuzz_crl_SOURCES = tests/fuzz/fuzz_crl.c tests/fuzz/signer.c tests/fuzz/signer.h
fuzz_crl_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/crl

FUZZERS += fuzz-ct
fuzz_ct_SOURCES = tests/fuzz/fuzz_ct.c
fuzz_ct_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/ct

FUZZERS += fuzz-ocsp
fuzz_ocsp_SOURCES = tests/fuzz/fuzz_ocsp.c tests/fuzz/signer.c tests/fuzz/signer.h
fuzz_ocsp_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/ocsp

FUZZERS += fuzz-cert_import
fuzz_cert_import_SOURCES = tests/fuzz/fuzz_cert_import.c
fuzz_cert_import_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/cert_import

FUZZERS += fuzz-alert
fuzz_alert_SOURCES = tests/fuzz/fuzz_alert.c
fuzz_alert_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/alert

FUZZERS += fuzz-haproxy
fuzz_haproxy_SOURCES = tests/fuzz/fuzz_haproxy.c
fuzz_haproxy_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/haproxy

FUZZERS += fuzz-output
fuzz_output_SOURCES = tests/fuzz/fuzz_output.c
fuzz_output_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/output

FUZZERS += fuzz-ledger
fuzz_ledger_SOURCES = tests/fuzz/fuzz_ledger.c tests/fuzz/directory.c tests/fuzz/directory.h
fuzz_ledger_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/ledger

FUZZERS += fuzz-migrate
fuzz_migrate_SOURCES = tests/fuzz/fuzz_migrate.c tests/fuzz/directory.c tests/fuzz/directory.h
fuzz_migrate_LDADD = $(FUZZ_LIBS) libctl.a $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/migrate

FUZZERS += fuzz-tsig_file
fuzz_tsig_file_SOURCES = tests/fuzz/fuzz_tsig_file.c
fuzz_tsig_file_LDADD = $(FUZZ_LIBS) libctl.a $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/tsig_file

FUZZERS += fuzz-httpd-head
fuzz_httpd_head_SOURCES = tests/fuzz/fuzz_httpd_head.c
fuzz_httpd_head_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/httpd-head

FUZZERS += fuzz-store
fuzz_store_SOURCES = tests/fuzz/fuzz_store.c
fuzz_store_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/store

FUZZERS += fuzz-printable
fuzz_printable_SOURCES = tests/fuzz/fuzz_printable.c
fuzz_printable_LDADD = $(FUZZ_LIBS) $(COMMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/printable

FUZZERS += fuzz-url
fuzz_url_SOURCES = tests/fuzz/fuzz_url.c
fuzz_url_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/url

FUZZERS += fuzz-acme_problem
fuzz_acme_problem_SOURCES = tests/fuzz/fuzz_acme_problem.c
fuzz_acme_problem_LDADD = $(FUZZ_LIBS) $(DAEMON_LIBS)
EXTRA_DIST += tests/fuzz/corpus/acme_problem

check_PROGRAMS += $(FUZZERS)
if FUZZING
FUZZ_LIBS = $(FUZZ_ENGINE)
else
FUZZ_LIBS = libreplay.a
check_LIBRARIES += libreplay.a
libreplay_a_SOURCES = tests/fuzz/replay.c
TESTS += $(FUZZERS)
endif

# `make fuzz`, in a build with --enable-fuzzing, runs every harness for its share of FUZZ_SECONDS. `make check-fuzz-long`
# does so in a build of its own, fuzz-long/, whatever this build is. New inputs are collected in fuzz/<parser>/ of that
# build; crash-*, leak-* and timeout-* files beside them are inputs that made a harness fail.
FUZZ_SECONDS = 3600
FUZZ_CC = clang
FUZZ_FLAGS = -timeout=10 -max_len=65536 -print_final_stats=1

check-fuzz-long:
	@mkdir -p fuzz-long && source=$$(cd '$(srcdir)' && pwd) && cd fuzz-long && \
	{ test -f Makefile || "$$source/configure" -q --enable-fuzzing CC='$(FUZZ_CC)' CFLAGS='-g -O1'; } && \
	$(MAKE) $(AM_MAKEFLAGS) FUZZ_SECONDS='$(FUZZ_SECONDS)' fuzz

if FUZZING
fuzz: $(FUZZERS)
	@failed=; share=$$(($(FUZZ_SECONDS) / $(words $(FUZZERS)))); \
	for program in $(FUZZERS); do \
		parser=$${program#fuzz-}; \
		mkdir -p "fuzz/$$parser" && \
		"./$$program" -max_total_time=$$((share > 0 ? share : 1)) $(FUZZ_FLAGS) \
			-artifact_prefix="fuzz/$$parser-" "fuzz/$$parser" "$(srcdir)/tests/fuzz/corpus/$$parser" \
			> "fuzz/$$parser.log" 2>&1 || failed="$$failed $$program"; \
		echo "$$program: $$(sed -n 's/^stat::number_of_executed_units: *//p' "fuzz/$$parser.log") inputs"; \
	done; \
	test -z "$$failed" || { echo "failed:$$failed (see fuzz/*.log)" >&2; exit 1; }
else
fuzz:
	@echo "this needs configure --enable-fuzzing CC=clang; or make check-fuzz-long" >&2; exit 1
endif

# clang-tidy with .clang-tidy, on all sources of the programs; ten minutes. TIDY_FILES=... for some of them.
TIDY = clang-tidy
TIDY_JOBS = 2
TIDY_FILES = $$(find common ctl daemon -name '*.c')
check-tidy: config.h
	@build=$$PWD && cd '$(srcdir)' && printf '%s\n' $(TIDY_FILES) | xargs -P $(TIDY_JOBS) -I{} \
		$(TIDY) --quiet {} -- -I"$$build" $(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS) $(JSON_CFLAGS) -std=gnu11
EXTRA_DIST += .clang-tidy
.PHONY: check-tidy

# ThreadSanitizer on what runs on several threads, in a build of its own, tsan/; ten minutes.
check-tsan:
	@mkdir -p tsan && source=$$(cd '$(srcdir)' && pwd) && cd tsan && \
	{ test -f Makefile || "$$source/configure" -q --enable-tsan CC='$(CC)' CFLAGS='-g -O1'; } && \
	$(MAKE) $(AM_MAKEFLAGS) all check-programs && PYTHON3='$(PYTHON3)' "$$source/tests/support/tsan/run" "$$source"
EXTRA_DIST += tests/support/tsan/run tests/support/tsan/suppressions tests/support/tsan/criterion/criterion.h
.PHONY: check-tsan

# How much of the parsers the corpora reach, in a build of its own with counters; half a minute.
check-fuzz-coverage:
	@CC='$(CC)' $(srcdir)/tests/support/fuzz-coverage $(srcdir)
EXTRA_DIST += tests/support/fuzz-coverage

.PHONY: fuzz check-fuzz-long check-fuzz-coverage

clean-local:
	rm -rf fuzz fuzz-coverage fuzz-long mutants tsan

EXTRA_DIST += tests/support/check tests/support/check-bare tests/support/check-layers tests/support/cppcheck.suppressions \
	tests/support/install-packages tests/support/lsan.suppressions tests/support/mutants tests/support/packages \
	tests/support/sanitizer-reports tests/support/tally

# System and fault tests: pytest, with real servers on loopback; they find the programs by CERTD_BUILDDIR. Not part of
# `make check`, which `make distcheck` runs as well.
#	make check-system PYTESTFLAGS='-k knot -x'
# They wait more than they compute, so several files run side by side; a file's tests share servers and stay together.
PYTEST = env CERTD_BUILDDIR='$(abs_builddir)' PYTHONDONTWRITEBYTECODE=1 \
	$(PYTHON3) -m pytest -c $(srcdir)/tests/pytest.ini $(PYTESTFLAGS)

check-system: SIDE_BY_SIDE = 6
check-fault: SIDE_BY_SIDE = 3
check-fault: canary-lost$(EXEEXT)
check-system check-fault: all
	$(PYTEST) -n $(SIDE_BY_SIDE) --dist loadfile --junitxml=$@.xml $(srcdir)/tests/$(@:check-%=%)
.PHONY: check-system check-fault

# nginx loads 10,000 times while certificates are replaced in a tight loop, instead of 300 times.
check-nginx-pairs: all
	NGINX_LOADS=10000 $(PYTEST) $(srcdir)/tests/system/test_nginx_pairs.py
.PHONY: check-nginx-pairs

# Bundles are replaced 10,000 times while they are loaded a million times, and directories attacked for a minute.
check-rotations: unit-rollout$(EXEEXT)
	ROTATIONS=10000 LOADS=1000000 RACE_SECONDS=60 ./unit-rollout --filter 'drop_races/*'
.PHONY: check-rotations

# Each server of Debian heals by certd's own retry, a minute after its mistake was corrected, instead of nginx alone.
check-servers-heal: all
	EACH_SERVER_HEALS=1 $(PYTEST) -n 2 -k in_its_own_words $(srcdir)/tests/system/test_unit_servers.py
.PHONY: check-servers-heal

# The long form of the kill test: every point instead of a sample.
check-kill: all
	CERTD_KILL_ALL=1 $(PYTEST) $(srcdir)/tests/fault/test_kill.py
.PHONY: check-kill

# Each system call of an issue and a renewal fails once, not only those of a start.
check-inject: all
	CERTD_INJECT_ALL=1 $(PYTEST) $(srcdir)/tests/fault/test_inject.py
.PHONY: check-inject

# The long forms of what check-fault does with fewer renewals.
check-valgrind: all canary-lost$(EXEEXT)
	CERTD_VALGRIND_RENEWALS=100 $(PYTEST) $(srcdir)/tests/fault/test_valgrind.py -k 'valgrind_lose or canary'
check-growth: all
	CERTD_GROWTH_RENEWALS=300 $(PYTEST) -s $(srcdir)/tests/fault/test_valgrind.py -k no_larger
.PHONY: check-valgrind check-growth
CLEANFILES += check-system.xml check-fault.xml
EXTRA_DIST += tests/README tests/pytest.ini tests/conftest.py tests/data tests/support/py tests/demo tests/fault tests/package tests/system

# Do the unit tests and simulations notice when the code is wrong? For an hour or so; see tests/support/mutants.
#	make check-mutants MUTANTSFLAGS='--seed 7 --modules daemon/store/'
check-mutants:
	$(PYTHON3) $(srcdir)/tests/support/mutants --cc '$(CC)' $(MUTANTSFLAGS)
.PHONY: check-mutants

# What the tests consist of, built but not run.
check-programs: $(check_PROGRAMS) $(check_LIBRARIES)

.PHONY: check-programs

# Folders that are packed as a whole bring along what was built in them.
dist-hook:
	find '$(distdir)' '(' -name __pycache__ -o -name .deps -o -name .libs -o -name .dirstamp -o -name '*.[lo]o' \
		-o -name '*.o' ')' -prune -exec rm -rf {} +
