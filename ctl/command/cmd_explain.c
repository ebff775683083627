/*
 * explain: what happens next to an object, when and why, and what the operator can do. certd explains certificates; for
 * the other kinds all is in their metadata.
 */
#include "common/shell.h"
#include "ctl/command/cmd.h"
#include "ctl/present/output.h"
#include "ctl/present/terminal.h"
#include "ctl/present/text.h"

#include <string.h>

enum { DECISIONS_SHOWN = 20 };

/* --- what the metadata says --- */

struct explanation {
	struct ctl *ctl;
	const char *name; /* of the object; borrowed from it */
	struct json_object *metadata;
	struct json_object *reasons;
	struct json_object *advice;
};

/* @text: taken. */
static void
explain_add(struct json_object *list, char *text)
{
	json_object_array_add(list, json_object_new_string(text));
	free(text);
}

/* "WHY: certctl BEFORE NAME AFTER" */
static void
explain_advise(struct explanation *e, const char *why, const char *before, const char *after)
{
	_cleanup_free_ char *command = shell_certctl(before, e->name, after);

	explain_add(e->advice, xasprintf("%s: %s", why, command));
}

static bool
explain_is_failed(const struct explanation *e)
{
	return strcmp(ctl_text_at(e->metadata, "state"), "FAILED") == 0;
}

/* "the CA offers the certificate profiles classic, tlsserver" */
static void
explain_profiles(struct explanation *e)
{
	struct json_object *profiles = ctl_array_at(e->metadata, "profiles");
	_cleanup_buf_ struct buf names = BUF_INIT;

	for (size_t i = 0; i < ctl_count_at(e->metadata, "profiles"); i++)
		buf_printf(&names, "%s%s", i ? ", " : "", ctl_text_at(json_object_array_get_idx(profiles, i), "name"));
	if (names.len)
		explain_add(e->reasons, xasprintf("the CA offers the certificate profiles %s", buf_str(&names)));
}

static void
explain_provider(struct explanation *e)
{
	const char *url = ctl_text_at(e->metadata, "accountUrl");

	explain_add(e->reasons, *url ? xasprintf("its account is %s", url) : xstrdup("it has no account yet"));
	explain_profiles(e);
	if (*ctl_text_at(e->metadata, "accountStatus"))
		explain_advise(
			e, "to register another account, with a new key, for the same provider", "new-account", NULL);
	else if (strcmp(ctl_text_at(e->metadata, "lastError.problem"), "userActionRequired") == 0)
		explain_advise(e, "read the terms; to accept them", "set provider", "--agree-tos");
	else if (explain_is_failed(e))
		explain_add(e->advice, xstrdup("certd keeps retrying; to correct it: certctl set provider --help"));
}

static void
explain_dns(struct explanation *e)
{
	size_t zones = ctl_count_at(e->metadata, "zonesSeen");

	if (zones)
		explain_add(e->reasons, xasprintf("its API lists %zu zone%s", zones, zones == 1 ? "" : "s"));
	if (*ctl_text_at(e->metadata, "challengeTarget"))
		explain_add(e->reasons, xasprintf("each name needs: _acme-challenge.NAME. CNAME %s.",
						ctl_text_at(e->metadata, "challengeTarget")));
	explain_advise(e, "to see its zones and settings", "show dns", NULL);
}

/* "auto 'www' (written): the test failed, 2 attempts, next attempt in 5m" */
static void
explain_rollout(struct explanation *e, struct json_object *rollout)
{
	const char *autocert = ctl_text_at(rollout, "autoCertificate");
	const char *noun = *autocert ? "auto" : "cert";
	const char *name = ctl_name_of(e->ctl, noun, *autocert ? autocert : ctl_text_at(rollout, "certificate"));
	const char *failure = ctl_text_at(rollout, "lastError.message");
	const char *served = ctl_text_at(rollout, "served");
	struct json_object *activated = ctl_at(rollout, "activated");
	long long attempts = json_object_get_int64(ctl_at(rollout, "attempts")); /* 0: none */
	_cleanup_buf_ struct buf more = BUF_INIT;

	if (ctl_time_at(rollout, "probedDate")) {
		buf_add_str(&more, ", probed ");
		text_relative(&more, ctl_time_at(rollout, "probedDate"), ctl_now(e->ctl));
	}
	if (attempts) {
		buf_printf(&more, ", %lld attempt%s, next attempt ", attempts, attempts == 1 ? "" : "s");
		text_relative(&more, ctl_time_at(rollout, "nextDate"), ctl_now(e->ctl));
	}
	explain_add(e->reasons, xasprintf("%s '%s' (%s): %s%s", noun, name, ctl_text_at(rollout, "step"),
					*failure                             ? failure
					: *served                            ? served
					: json_object_get_boolean(activated) ? "deployed"
									     : "it is being deployed",
					buf_str(&more)));
}

static void
explain_consumer(struct explanation *e)
{
	struct json_object *rollouts = ctl_array_at(e->metadata, "rollouts");

	for (size_t i = 0; i < ctl_count_at(e->metadata, "rollouts"); i++)
		explain_rollout(e, json_object_array_get_idx(rollouts, i));
	if (ctl_at(e->metadata, "moreRollouts"))
		explain_add(e->reasons, xasprintf("it has %lld more certificates; for each: certctl explain NAME",
						(long long)json_object_get_int64(ctl_at(e->metadata, "moreRollouts"))));
	if (ctl_count_at(e->metadata, "rollouts") == 0)
		explain_add(e->reasons, xstrdup("no certificate was deployed to it yet"));
	else if (explain_is_failed(e))
		explain_advise(e, "correct the cause; to deploy again at once", "deploy", NULL);
	else
		explain_advise(e, "to check what it presents", "probe", NULL);
}

static void
explain_authorization(struct explanation *e)
{
	if (strcmp(ctl_text_at(e->metadata, "status"), "pending") != 0)
		return;
	explain_add(
		e->reasons, xasprintf("the CA wants the TXT record %s with content %s",
				    ctl_text_at(e->metadata, "recordName"), ctl_text_at(e->metadata, "recordContent")));
	explain_advise(e, "when it is published", "authorize", NULL);
}

/* The order in which a name without its kind is looked up. */
static const struct {
	enum api_resource_id id;
	void (*fill)(struct explanation *e); /* NULL: certd explains it */
	enum api_method_id method;           /* by this */
} kinds[] = {
	{ API_AUTOCERTIFICATE, NULL, RPC_AUTOCERTIFICATE_EXPLAIN },
	{ API_PROVIDER, explain_provider, API_METHOD_COUNT },
	{ API_DNSPROVIDER, explain_dns, API_METHOD_COUNT },
	{ API_CONSUMER, explain_consumer, API_METHOD_COUNT },
	{ API_CERTIFICATE, NULL, RPC_CERTIFICATE_EXPLAIN },
	{ API_AUTHORIZATION, explain_authorization, API_METHOD_COUNT },
};

static struct json_object *
explain_object(struct ctl *ctl, struct json_object *object, void (*fill)(struct explanation *e))
{
	struct json_object *result = json_object_new_object();
	struct explanation e = { .ctl = ctl,
		.name = ctl_text_at(object, "properties.name"),
		.metadata = ctl_at(object, "metadata"),
		.reasons = json_object_new_array(),
		.advice = json_object_new_array() };
	const char *message = ctl_text_at(e.metadata, "message");

	json_add_string(result, "summary", ctl_text_at(e.metadata, "state"));
	if (ctl_at(e.metadata, "nextDate"))
		json_object_object_add(result, "nextDate", json_object_get(ctl_at(e.metadata, "nextDate")));
	if (ctl_at(e.metadata, "lastError"))
		json_object_object_add(result, "lastError", json_object_get(ctl_at(e.metadata, "lastError")));
	if (*message && strcmp(message, ctl_text_at(e.metadata, "lastError.message")) != 0)
		explain_add(e.reasons, xstrdup(message));
	fill(&e);
	json_object_object_add(result, "reasons", e.reasons);
	json_object_object_add(result, "advice", e.advice);
	return result;
}

/* --- showing --- */

static void
explain_print_list(struct ctl *ctl, const char *title, struct json_object *list)
{
	size_t count = ctl_count_at(list, "");

	if (count)
		fprintf(ctl->out, "%s\n", title);
	for (size_t i = 0; i < count; i++) {
		fputs("  ", ctl->out);
		terminal_wrap(ctl, 2, 4, json_object_get_string(json_object_array_get_idx(list, i)));
	}
}

/* "TIME RULE, 3 times: TEXT" */
static void
explain_print_decisions(struct ctl *ctl, struct json_object *list)
{
	size_t count = ctl_count_at(list, "");

	if (count)
		fputs("what certd decided, newest first\n", ctl->out);
	for (size_t i = 0; i < count && i < DECISIONS_SHOWN; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		long long times = json_object_get_int64(ctl_at(item, "times"));
		_cleanup_free_ char *repeated = times > 1 ? xasprintf(", %lld times", times) : xstrdup("");
		_cleanup_free_ char *text = xasprintf("%s %s%s: %s", ctl_text_at(item, "date"),
			ctl_text_at(item, "rule"), repeated, ctl_text_at(item, "text"));

		fputs("  ", ctl->out);
		terminal_wrap(ctl, 2, 4, text);
	}
}

static void
explain_item(struct output *output, struct json_object *item)
{
	struct ctl *ctl = output->ctl;
	struct json_object *error = ctl_at(item, "lastError");
	const char *summary = ctl_text_at(item, "summary");
	_cleanup_buf_ struct buf head = BUF_INIT;
	_cleanup_buf_ struct buf rest = BUF_INIT;

	buf_printf(&head, "%s: ", output->title);
	if (tone_of_word(summary) != TONE_NONE)
		terminal_paint(&head, ctl->has_colour, tone_of_word(summary), summary);
	else
		buf_add_str(&rest, summary);
	if (ctl_time_at(item, "nextDate") > ctl_now(ctl)) {
		buf_add_str(&rest, ctl_at(item, "nextAction") ? " (" : " (next attempt ");
		text_relative(&rest, ctl_time_at(item, "nextDate"), ctl_now(ctl));
		buf_add_char(&rest, ')');
	}
	fputs(buf_str(&head), ctl->out);
	terminal_wrap(ctl, terminal_width(output->title) + 2, 2, buf_str(&rest));
	explain_print_list(ctl, "why", ctl_at(item, "reasons"));
	if (error) {
		const char *problem = ctl_text_at(error, "problem");
		_cleanup_free_ char *text = xasprintf("%s (%s%s%s)", ctl_text_at(error, "message"),
			ctl_text_at(error, "code"), *problem ? ", " : "", problem);

		fputs("last error\n  ", ctl->out);
		terminal_wrap(ctl, 2, 4, text);
	}
	explain_print_list(ctl, "what you can do", ctl_at(item, "advice"));
	explain_print_decisions(ctl, ctl_at(item, "decisions"));
}

static const struct view view_explain = { VIEW_OBJECT, explain_item, NULL };

/* Return: 0 and what is known, or -1; ERROR_NOT_FOUND: no object of this kind has that name. */
static int
explain_find(struct ctl *ctl, size_t kind, const char *name, struct json_object **ret, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *params;

	if (kinds[kind].fill) {
		if (ctl_get(ctl, &api_resources[kinds[kind].id], name, &object, err) < 0)
			return -1;
		*ret = explain_object(ctl, object, kinds[kind].fill);
		return 0;
	}
	params = json_object_new_object();
	json_add_string(params, "ref", name);
	return ctl_call(ctl, kinds[kind].method, params, ret, err);
}

int
cmd_explain(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;
	const char *name = args->words.items[0];
	struct output output;
	int rc = -1;

	for (size_t i = 0; rc < 0 && i < ARRAY_SIZE(kinds); i++) {
		_cleanup_error_ struct error why = ERROR_INIT;

		if (args->resource && args->resource != &api_resources[kinds[i].id])
			continue;
		rc = explain_find(ctl, i, name, &result, &why);
		if (rc < 0 && !error_is_set(err))
			error_move(err, &why);
		if (rc < 0 && err->code != ERROR_NOT_FOUND)
			return -1;
	}
	if (rc < 0)
		return error_is_set(err)
			       ? -1
			       : error_set(err, ERROR_USAGE, "explain: there is nothing to explain of a token");
	error_clear(err);
	output_start(&output, ctl, &view_explain, args->resource);
	output.title = name;
	output_item(&output, result);
	output_end(&output);
	return 0;
}
