/*
 * migrate: takes over what another ACME client has. The plan is shown and carried out like that of apply; each
 * auto-certificate comes with the import that it adopts, both or neither.
 */
#include "common/api/event.h"
#include "ctl/base/ctl.h"
#include "ctl/command/cmd.h"
#include "ctl/declare/apply.h"
#include "ctl/migrate/declare.h"
#include "ctl/present/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* One run. */
struct migration {
	struct apply apply;
	struct declared declared;
	struct declare_options options;
	struct strlist names;
	struct strlist deploying; /* ids of new auto-certificates */
	size_t n_clients;
};

/* One line of text from files, on @out. */
static void
migrate_say(FILE *out, const char *prefix, const char *text)
{
	_cleanup_buf_ struct buf line = BUF_INIT;

	text_line(&line, text);
	fprintf(out, "%s%s\n", prefix, buf_str(&line));
}

/* --- reading --- */

static int
migrate_read(struct migration *m, const struct client_kind *kind, const char *directory, struct error *err)
{
	struct found found;
	int rc = client_kind_read(kind, directory, &found, err);

	if (rc == 0)
		declare_found(kind, &found, &m->options, m->apply.objects, m->apply.present, ctl_now(m->apply.ctl),
			&m->declared);
	found_clear(&found);
	m->n_clients += rc == 0;
	return rc;
}

static int
migrate_look(struct migration *m, const struct client_kind *kind, struct error *err)
{
	_cleanup_free_ char *directory = client_kind_look(kind);

	return directory ? migrate_read(m, kind, directory, err) : 0;
}

static void
migrate_add_directories(const struct client_kind *kind, struct buf *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind->directories) && kind->directories[i]; i++)
		buf_printf(ret, "%s%s", ret->len ? ", " : "", kind->directories[i]);
}

/* Without a client: every client that has certificates in one of its usual directories. */
static int
migrate_read_all(struct migration *m, struct error *err)
{
	_cleanup_buf_ struct buf where = BUF_INIT;

	for (const struct client_kind *kind = client_kinds; kind->name; kind++) {
		if (migrate_look(m, kind, err) < 0)
			return -1;
		migrate_add_directories(kind, &where);
	}
	if (m->n_clients)
		return 0;
	return error_set(err, ERROR_NOT_FOUND,
		"there are no certificates of another client in %s; give a client and its directory, such as: certctl "
		"migrate certbot /etc/letsencrypt",
		buf_str(&where));
}

static bool
migrate_is_directory(const char *word)
{
	struct stat st;

	return strchr(word, '/') || (stat(word, &st) == 0 && S_ISDIR(st.st_mode));
}

/* CLIENT, then its directory, then names. */
static int
migrate_read_words(struct migration *m, const struct args *args, struct error *err)
{
	const struct strlist *words = &args->words;
	const struct client_kind *kind = words->count ? client_kind_find(words->items[0]) : NULL;
	_cleanup_buf_ struct buf where = BUF_INIT;
	size_t at = kind ? 1 : 0;
	const char *directory = NULL;
	size_t before = m->n_clients;

	if (kind && words->count > at && migrate_is_directory(words->items[at]))
		directory = words->items[at++];
	if (!kind && words->count && migrate_is_directory(words->items[0]))
		return error_set(err, ERROR_USAGE,
			"migrate: name the client that '%s' belongs to: certbot, acme.sh, lego, dehydrated or uacme",
			words->items[0]);
	for (; at < words->count; at++)
		strlist_add(&m->names, words->items[at]);
	if (!kind)
		return migrate_read_all(m, err);
	if (directory)
		return migrate_read(m, kind, directory, err);
	if (migrate_look(m, kind, err) < 0 || m->n_clients > before)
		return m->n_clients > before ? 0 : -1;
	migrate_add_directories(kind, &where);
	return error_set(err, ERROR_NOT_FOUND, "there are no certificates of %s in %s; give its directory", kind->name,
		buf_str(&where));
}

/* Each name that was given must be a certificate. */
static int
migrate_check_names(const struct migration *m, struct error *err)
{
	size_t found = m->declared.n_present + m->declared.refused.count +
		       (size_t)json_object_object_length(m->declared.imports);

	if (!m->names.count || found)
		return 0;
	return error_set(err, ERROR_NOT_FOUND, "there is no certificate '%s'", m->names.items[0]);
}

/* --- the plan --- */

static struct json_object *
migrate_import_of(const struct migration *m, const struct plan_step *step)
{
	struct json_object *params = NULL;

	if (step->resource == &api_resources[API_AUTOCERTIFICATE])
		json_object_object_get_ex(m->declared.imports, step->name, &params);
	return params;
}

/* @ret: the answer; or NULL. A certificate of that name is there already: 0, and the auto-certificate will adopt it. */
static int
migrate_import(struct migration *m, const struct plan_step *step, bool is_dry_run, char **ret_id, struct error *err)
{
	_cleanup_json_ struct json_object *params = NULL, *result = NULL;
	_cleanup_error_ struct error why = ERROR_INIT;

	json_object_deep_copy(migrate_import_of(m, step), &params, NULL);
	if (is_dry_run)
		json_add_bool(params, "dryRun", true);
	if (ctl_call(m->apply.ctl, RPC_CERTIFICATE_CREATE, json_object_get(params), &result, &why) < 0) {
		if (why.code == ERROR_EXISTS)
			return 0;
		error_move(err, &why);
		return error_wrap(err, "certificate '%s'", step->name);
	}
	if (ret_id)
		*ret_id = xstrdup(ctl_text_at(result, "id"));
	return 0;
}

/* Before anything is changed, certd checks all imports. */
static int
migrate_ask(struct migration *m, bool is_dry_run, struct error *err)
{
	struct apply *a = &m->apply;

	if (apply_ask_effects(a, is_dry_run, err) < 0)
		return -1;
	for (size_t i = 0; i < a->plan.count; i++) {
		struct plan_step *step = &a->plan.steps[i];
		struct json_object *source = NULL, *reasons;
		_cleanup_error_ struct error why = ERROR_INIT;

		if (!migrate_import_of(m, step))
			continue;
		if (!step->failure && migrate_import(m, step, true, NULL, &why) < 0)
			apply_note_failure(a, step, &why);
		json_object_object_get_ex(m->declared.sources, step->name, &source);
		reasons = json_object_new_array();
		json_object_array_add(reasons, json_object_get(source));
		json_object_put(step->effect);
		step->effect = json_object_new_object();
		json_object_object_add(step->effect, "reasons", reasons);
	}
	return 0;
}

/* --- carrying it out --- */

static void
migrate_undo(struct migration *m, const char *id)
{
	struct json_object *params = json_object_new_object();
	_cleanup_json_ struct json_object *result = NULL;
	_cleanup_error_ struct error why = ERROR_INIT;

	json_add_string(params, "ref", id);
	if (ctl_call(m->apply.ctl, RPC_CERTIFICATE_DELETE, params, &result, &why) < 0)
		migrate_say(m->apply.ctl->err, "certctl: the import is not undone: ", why.message);
}

/* What reads the old files must read the new ones. */
static void
migrate_advise_files(struct migration *m, struct json_object *object)
{
	const char *directory = ctl_text_at(object, "metadata.dropDirectory");

	strlist_take(&m->declared.advice, xasprintf("the files of '%s' are now in %s: let servers read them there",
						  ctl_text_at(object, "properties.name"), directory));
}

/* The declaration is tried first; the import is undone when it is refused all the same. */
static int
migrate_send(struct apply *a, struct plan_step *step, struct json_object **ret, struct error *err)
{
	struct migration *m = a->arg;
	_cleanup_json_ struct json_object *tried = NULL;
	_cleanup_free_ char *id = NULL;

	if (!migrate_import_of(m, step))
		return apply_call_step(a, step, false, ret, err);
	json_object_put(step->waiting); /* what it refers to was made by earlier steps */
	step->waiting = NULL;
	if (apply_call_step(a, step, true, &tried, err) < 0 || migrate_import(m, step, false, &id, err) < 0)
		return -1;
	if (apply_call_step(a, step, false, ret, err) == 0) {
		migrate_advise_files(m, *ret);
		strlist_add(&m->deploying, ctl_text_at(*ret, "id"));
		return 0;
	}
	if (id)
		migrate_undo(m, id);
	return -1;
}

/* Were the files written, or was that tried? A failure is shown; certd retries. */
static bool
migrate_is_deployed(struct migration *m, const char *id)
{
	struct json_object *params = json_object_new_object(), *items;
	_cleanup_json_ struct json_object *result = NULL;
	_cleanup_error_ struct error why = ERROR_INIT;

	json_add_string(params, "object", id);
	if (ctl_call(m->apply.ctl, RPC_EVENT_LIST, params, &result, &why) < 0)
		return true; /* nothing more can be learned */
	items = ctl_array_at(result, "items");
	for (size_t i = 0; items && i < json_object_array_length(items); i++) {
		struct json_object *event = json_object_array_get_idx(items, i);
		const char *kind = ctl_text_at(event, "kind");

		if (strcmp(kind, event_info(EVENT_DEPLOY_DONE)->name) == 0)
			return true;
		if (strcmp(kind, event_info(EVENT_DEPLOY_FAILED)->name) == 0) {
			migrate_say(m->apply.ctl->err, "certctl: ", ctl_text_at(event, "message"));
			return true;
		}
	}
	return false;
}

/* The report says where the files are: then they are there. */
static void
migrate_wait_for_files(struct migration *m)
{
	enum { POLL_MS = 50, POLLS = 30 * 1000 / POLL_MS };
	static const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	unsigned polls = 0;

	for (size_t i = 0; i < m->deploying.count; i++)
		while (!migrate_is_deployed(m, m->deploying.items[i]) && polls++ < POLLS)
			nanosleep(&pause, NULL);
}

static void
migrate_report(struct migration *m, bool is_dry_run)
{
	struct ctl *ctl = m->apply.ctl;
	const struct strlist *advice = &m->declared.advice;

	if (ctl->format != FORMAT_TEXT)
		return;
	if (m->apply.plan.count)
		apply_show_summary(&m->apply, is_dry_run);
	if (m->declared.n_present)
		fprintf(ctl->out, "%zu certificate%s declared already\n", m->declared.n_present,
			m->declared.n_present == 1 ? " is" : "s are");
	if (!m->apply.plan.count)
		fputs("nothing to do\n", ctl->out);
	for (size_t i = 0; i < advice->count; i++)
		migrate_say(ctl->out, i ? "  " : "what remains to be done:\n  ", advice->items[i]);
}

static int
migrate_run(struct migration *m, const struct args *args, struct error *err)
{
	bool is_dry_run = args_has_flag(args, "dryRun");
	struct apply *a = &m->apply;
	size_t refused;

	if (apply_fetch(a, err) < 0 || migrate_read_words(m, args, err) < 0 || migrate_check_names(m, err) < 0)
		return -1;
	if (plan_make(m->declared.wanted, a->present, false, &a->plan, err) < 0 || migrate_ask(m, is_dry_run, err) < 0)
		return -1;
	a->plan.others = 0; /* they have nothing to do with it */
	if (a->ctl->format == FORMAT_TEXT)
		apply_show_steps(a);
	for (size_t i = 0; i < m->declared.refused.count; i++)
		migrate_say(a->ctl->err, "certctl: ", m->declared.refused.items[i]);
	fflush(a->ctl->out);
	if (!is_dry_run) {
		apply_run_steps(a);
		migrate_wait_for_files(m);
	}
	if (a->ctl->format != FORMAT_TEXT)
		apply_show_steps(a);
	migrate_report(m, is_dry_run);
	refused = a->failed + m->declared.refused.count;
	if (!refused)
		return 0;
	return error_set(err, a->failed ? a->first.code : ERROR_INVALID, "migrate: %zu item%s refused (listed above)",
		refused, refused == 1 ? " was" : "s were");
}

int
cmd_migrate(struct ctl *ctl, struct args *args, struct error *err)
{
	struct migration m = { .apply = { .ctl = ctl, .name = "migrate" } };
	int rc;

	m.apply.send = migrate_send;
	m.apply.arg = &m;
	m.options = (struct declare_options){
		.email = args_text(args, "email"),
		.server = args_text(args, "server"),
		.ca_file = args_text(args, "caFile"),
		.dns = args_text(args, "dns"),
		.keeps_files = args_has_flag(args, "keepFiles"),
		.names = &m.names,
	};
	declared_init(&m.declared);
	rc = migrate_run(&m, args, err);
	declared_clear(&m.declared);
	strlist_clear(&m.names);
	strlist_clear(&m.deploying);
	apply_clear(&m.apply);
	return rc;
}
