/* The invariants of the simulation. Rows and records are counted and compared with what the objects call for. */
#include "tests/sim/checks.h"

#include "common/crypto/key.h"
#include "common/crypto/x509.h"
#include "daemon/schedule/schedule.h"
#include "daemon/schedule/scheduler.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

enum { FILE_MAX = 64 * 1024, KINDS = 256 /* one octet */ };

/* What a walk over the schedule found. */
struct rows {
	uint64_t count[KINDS];
};

static void
count_rows(struct world *w, struct rows *ret)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	char lane[STORE_ID_SIZE] = "";
	bool after = false;

	*ret = (struct rows){ .count = { 0 } };
	while (schedule_next_lane(w->store, lane, after, lane, &error) == 1) {
		struct schedule_row row, at;
		bool first = true;

		while (schedule_next_in_lane(w->store, lane, first ? NULL : &at, &row, &error) == 1) {
			struct schedule_row same;

			if ((int)row.kind >= KINDS ||
				schedule_get(w->store, row.kind, row.object, &same, &error) != 1 ||
				same.due_at != row.due_at || strcmp(same.lane, row.lane) != 0)
				sim_fail(w->sim, "the schedule's two rows of %s %s differ",
					scheduler_kind(w->scheduler, row.kind)->word, row.object);
			ret->count[row.kind]++;
			at = row;
			first = false;
		}
		after = true;
	}
	if (error_is_set(&error))
		sim_fail(w->sim, "schedule: %s", error.message);
}

static void
expect(struct world *w, const char *what, uint64_t found, uint64_t wanted)
{
	if (found != wanted)
		sim_fail(w->sim, "%" PRIu64 " %s, expected %" PRIu64, found, what, wanted);
}

static void
check_drop(struct world *w, const struct autocert *a, const struct certificate *cert)
{
	_cleanup_free_ char *path = xasprintf("drops/live/%s/bundle.pem", a->slug);
	_cleanup_free_ char *flat = xasprintf("drops/pem/%s.pem", a->slug);
	_cleanup_buf_ struct buf bundle = BUF_INIT;
	_cleanup_buf_ struct buf copy = BUF_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	char id[STORE_ID_SIZE] = "";

	if (drop_current(w->drops, a->slug, id, &error) != 1 || strcmp(id, cert->o.id) != 0)
		sim_fail(w->sim, "%s: the drop has certificate '%s', the newest is '%s' %s", a->o.name, id, cert->o.id,
			error_is_set(&error) ? error.message : "");
	if (buf_read_file(&bundle, AT_FDCWD, path, FILE_MAX, &error) < 0 ||
		buf_read_file(&copy, AT_FDCWD, flat, FILE_MAX, &error) < 0)
		sim_fail(w->sim, "%s: %s", a->o.name, error.message);
	if (strcmp(buf_str(&bundle), buf_str(&copy)) != 0 || !strstr(buf_str(&bundle), buf_str(&cert->leaf_pem)) ||
		!strstr(buf_str(&bundle), "PRIVATE KEY"))
		sim_fail(w->sim, "%s: the bundles are not the newest certificate's", a->o.name);
}

static void
check_rollout(struct world *w, const struct autocert *a)
{
	struct rollout_state state = { 0 };
	_cleanup_error_ struct error error = ERROR_INIT;

	if (rollout_load(w->rollout, a->o.id, &state, &error) != 1)
		sim_fail(w->sim, "%s: no rollout %s", a->o.name, error_is_set(&error) ? error.message : "");
	if (!state.is_written || !state.done_at || strcmp(state.certificate, a->last_certificate) != 0)
		sim_fail(w->sim, "%s: its rollout is not done", a->o.name);
	for (size_t i = 0; i < state.targets.count; i++)
		if (((struct rollout_target *)state.targets.items)[i].step < ROLLOUT_ACTIVATED)
			sim_fail(w->sim, "%s: a consumer was not told", a->o.name);
	record_clear(&rollout_class, &state);
}

/* Key, names and dates are what the declaration wants; the row is where the rule of renewal has it. */
static void
check_autocert(struct world *w, const struct autocert *a)
{
	_cleanup_certificate_ struct certificate cert = { 0 };
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_key_ struct key *key = NULL;
	struct schedule_row row;

	if (!a->last_certificate || object_load(w->store, &certificate_class, a->last_certificate, &cert, &error) != 1)
		sim_fail(w->sim, "%s has no certificate", a->o.name);
	if (key_from_der(&cert.key, &key, &error) < 0)
		sim_fail(w->sim, "%s: %s", a->o.name, error.message);
	expect(w, "names of a certificate", cert.names.count, a->sans.count + 1);
	if (a->key_algorithm && strcmp(a->key_algorithm, cert.key_algorithm) != 0)
		sim_fail(w->sim, "%s has a key of %s", a->o.name, cert.key_algorithm);
	if (schedule_get(w->store, SCHEDULE_ISSUE, a->o.id, &row, &error) != !a->is_paused)
		sim_fail(w->sim, "%s %s", a->o.name, a->is_paused ? "is paused but has a row" : "has no row");
	if (!a->is_paused && (row.due_at != a->next_at || strcmp(row.lane, a->provider) != 0))
		sim_fail(w->sim, "%s: its row is elsewhere than it says", a->o.name);
	if (!a->is_paused && row.due_at >= a->last_not_after_at)
		sim_fail(w->sim, "%s is to be renewed when it has expired", a->o.name);
	check_rollout(w, a);
	check_drop(w, a, &cert);
}

static uint64_t
count_files(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	uint64_t count = 0;

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

void
check_always(struct world *w)
{
	struct autocert a = { 0 };
	char after[STORE_ID_SIZE] = "";

	for (size_t i = 0; i < WORLD_CAS; i++) {
		if (fake_ca_complaint(w->cas[i].ca))
			sim_fail(w->sim, "%s complains: %s", w->cas[i].url, fake_ca_complaint(w->cas[i].ca));
		if (fake_ca_accounts(w->cas[i].ca) > 1)
			sim_fail(w->sim, "%s has a second account", w->cas[i].url);
	}
	while (w->store && object_next_peek(w->store, &autocert_class, after, &a, NULL) == 1) {
		memcpy(after, a.o.id, sizeof(after));
		if (a.last_certificate && !a.is_paused && a.last_not_after_at <= world_now(w))
			sim_fail(w->sim, "%s expired", a.o.name);
	}
	autocert_clear(&a);
}

/* Is a job waiting between two attempts? Then an order in the store, and a missing drop, are correct. */
static bool
somebody_tries_again(struct world *w)
{
	struct autocert a = { 0 };
	char after[STORE_ID_SIZE] = "";
	bool found = false;

	while (!found && object_next_peek(w->store, &autocert_class, after, &a, NULL) == 1) {
		memcpy(after, a.o.id, sizeof(after));
		found = !a.is_paused && (a.attempts > 0 || !a.last_certificate);
	}
	autocert_clear(&a);
	return found;
}

bool
check_calm(struct world *w)
{
	struct scheduler_stats stats;
	struct autocert a = { 0 };
	struct rows rows;
	char after[STORE_ID_SIZE] = "";
	uint64_t active = 0;

	scheduler_get_stats(w->scheduler, &stats);
	if (stats.running || somebody_tries_again(w))
		return false;
	while (object_next_peek(w->store, &autocert_class, after, &a, NULL) == 1) {
		memcpy(after, a.o.id, sizeof(after));
		check_autocert(w, &a);
		active += !a.is_paused;
	}
	autocert_clear(&a);
	count_rows(w, &rows);
	expect(w, "rows to issue", rows.count[SCHEDULE_ISSUE], active);
	expect(w, "rows to deploy", rows.count[SCHEDULE_DEPLOY], 0);
	expect(w, "rows to probe", rows.count[SCHEDULE_PROBE], 0);
	expect(w, "rows to clean up", rows.count[SCHEDULE_CLEANUP], 0);
	expect(w, "rows to register", rows.count[SCHEDULE_ACCOUNT], 0);
	expect(w, "rows to remove", rows.count[SCHEDULE_REMOVE], 0);
	expect(w, "rows to rehearse", rows.count[SCHEDULE_REHEARSE], 0);
	expect(w, "rows to alert", rows.count[SCHEDULE_ALERT], 0);
	expect(w, "rows to purge", rows.count[SCHEDULE_PURGE], store_count(w->store, STORE_CERTIFICATE));
	expect(w, "rows by object", store_count(w->store, STORE_SCHEDULE_ROW), store_count(w->store, STORE_SCHEDULE));
	expect(w, "records of orders", store_count(w->store, STORE_ISSUE), 0);
	expect(w, "records of removals", store_count(w->store, STORE_REMOVAL), 0);
	expect(w, "records of TXT values", store_count(w->store, STORE_CLEANUP), 0);
	expect(w, "rollouts", store_count(w->store, STORE_ROLLOUT), store_count(w->store, STORE_AUTOCERT));
	expect(w, "drops", count_files("drops/live"), store_count(w->store, STORE_AUTOCERT));
	expect(w, "flat drops", count_files("drops/pem"), store_count(w->store, STORE_AUTOCERT));
	expect(w, "answers in the webroot", count_files("webroot/.well-known/acme-challenge"), 0);
	return true;
}
