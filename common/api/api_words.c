/*
 * A command is "certctl", a verb, usually a noun and a name, and options. In a sentence it ends at a word that ends
 * with punctuation, or before a parenthesis. Which member an option is follows from the API's tables, as for certctl.
 */
#include "common/api/api_words.h"

#include "common/alloc.h"
#include "common/api/api_rest.h"
#include "common/buf.h"
#include "common/strlist.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char command_word[] = "certctl ";

/* --- members --- */

static bool
api_words_is_option(const struct api_field *field, const char *name)
{
	_cleanup_free_ char *option = api_field_option(field);
	size_t len = strlen(name);

	return strncmp(option, name, len) == 0 && (option[len] == '\0' || strcmp(option + len, "-file") == 0);
}

/* The member that option @name (without "--") sets, as a path; appended. Return: false, there is none. */
static bool
api_words_find_member(const struct api_field *fields, const char *name, struct buf *ret)
{
	for (const struct api_field *f = fields; f && f->name; f++) {
		if (f->type != API_OBJECT && api_words_is_option(f, name)) {
			buf_add_str(ret, f->name);
			return true;
		}
		for (const struct api_field *m = f->type == API_OBJECT ? f->fields : NULL; m && m->name; m++)
			if (api_words_is_option(m, name)) {
				buf_printf(ret, "%s.%s", f->name, m->name);
				return true;
			}
	}
	return false;
}

/* @resource first; API_RESOURCE_COUNT: any. Return: false, it is an option of certctl alone or of another program. */
static bool
api_words_add_member(enum api_resource_id resource, const char *name, struct buf *ret)
{
	if (resource < API_RESOURCE_COUNT && api_words_find_member(api_resources[resource].properties, name, ret))
		return true;
	for (size_t i = 0; i < API_RESOURCE_COUNT; i++)
		if (api_words_find_member(api_resources[i].properties, name, ret))
			return true;
	for (size_t i = 0; i < API_METHOD_COUNT; i++)
		if (api_words_find_member(api_methods[i].params, name, ret))
			return true;
	return false;
}

/* --- commands --- */

struct api_command {
	struct strlist words; /* without punctuation and quotes */
	const char *end;      /* of its text in the message */
	char method[64];      /* "dnsProvider.create" */
	const char *ref;      /* borrowed from .words; NULL: none */
	size_t options_at;    /* index of the first option */
	struct api_rest rest;
	enum api_method_id id;
};

/* Splits at blanks; a word in '...' may contain some. */
static void
api_words_split(const char *text, struct api_command *ret)
{
	bool is_last = false;

	while (*text && *text != '(' && !is_last) {
		const char *start = text, *end;
		bool is_quoted = *start == '\'';

		end = is_quoted ? strchr(start + 1, '\'') : NULL;
		end = end ? end + 1 : start;
		end += strcspn(end, " ");
		text = end + strspn(end, " ");
		while (end > start + 1 && strchr(";),:.", end[-1]) && strncmp(start, "...", 3) != 0) {
			end--;
			is_last = true;
		}
		ret->end = end;
		if (is_quoted && end > start + 1 && end[-1] == '\'')
			strlist_take(&ret->words, xstrndup(start + 1, (size_t)(end - start - 2)));
		else
			strlist_take(&ret->words, xstrndup(start, (size_t)(end - start)));
	}
}

static const char *
api_words_noun(const char *cli)
{
	for (size_t i = 0; i < API_RESOURCE_COUNT; i++)
		if (strcmp(api_resources[i].cli, cli) == 0)
			return api_resources[i].noun;
	return NULL;
}

/* Which method @verb is, if the noun follows it. */
static const char *
api_words_verb(const char *verb)
{
	static const char *const verbs[][2] = { { "show", "get" }, { "list", "list" }, { "set", "update" },
		{ "rm", "delete" } };

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i][0], verb) == 0)
			return verbs[i][1];
	return NULL;
}

/* Return: false, REST does not have the command. */
static bool
api_words_understand(struct api_command *c)
{
	const struct strlist *w = &c->words;
	const char *verb = w->count ? w->items[0] : "", *noun = NULL;
	size_t at = 1;

	if (strncmp(verb, "add-", 4) == 0 && (noun = api_words_noun(verb + 4)))
		snprintf(c->method, sizeof(c->method), "%s.create", noun);
	else if (strcmp(verb, "import") == 0)
		snprintf(c->method, sizeof(c->method), "certificate.create");
	else if (api_words_verb(verb) && w->count > 1 && (noun = api_words_noun(w->items[at++])))
		snprintf(c->method, sizeof(c->method), "%s.%s", noun, api_words_verb(verb));
	else if (strcmp(verb, "deploy") == 0 || strcmp(verb, "probe") == 0)
		snprintf(c->method, sizeof(c->method), "consumer.%s", verb);
	else
		snprintf(c->method, sizeof(c->method), "autoCertificate.%.32s", verb);
	if (api_method_find(c->method, &c->id) != 1 || api_rest_of(c->id, &c->rest) != 1)
		return false;
	/* PATCH only changes the name there. */
	if (api_methods[c->id].verb == API_UPDATE && api_resources[api_methods[c->id].resource].is_ionos)
		return false;
	if (c->rest.has_ref && at < w->count && w->items[at][0] != '-')
		c->ref = w->items[at++];
	c->options_at = at;
	return true;
}

static void
api_words_add_command(const struct api_command *c, struct buf *ret)
{
	_cleanup_buf_ struct buf members = BUF_INIT;

	buf_printf(ret, "%s %s", c->rest.http, c->rest.collection);
	if (c->rest.has_ref)
		buf_printf(ret, "/%s", c->ref ? c->ref : "ID");
	if (c->rest.action)
		buf_printf(ret, "/%s", c->rest.action);
	for (size_t i = c->options_at; i < c->words.count; i++) {
		_cleanup_buf_ struct buf member = BUF_INIT;

		if (strncmp(c->words.items[i], "--", 2) == 0 &&
			api_words_add_member(api_methods[c->id].resource, c->words.items[i] + 2, &member))
			buf_printf(&members, "%s%s", members.len ? ", " : " with ", buf_str(&member));
	}
	buf_add_str(ret, buf_str(&members));
}

/* Return: the end of the command at @text, in whatever form it was appended. */
static const char *
api_words_translate(const char *text, struct buf *ret)
{
	struct api_command c = { .words = STRLIST_INIT };

	api_words_split(text + strlen(command_word), &c);
	if (!c.end)
		c.end = text + strlen(command_word);
	if (api_words_understand(&c))
		api_words_add_command(&c, ret);
	else
		buf_add(ret, text, (size_t)(c.end - text));
	strlist_clear(&c.words);
	return c.end;
}

char *
api_words_for_rest(const char *message)
{
	struct buf out = BUF_INIT;
	bool is_start = true; /* of a word */

	while (*message) {
		if (is_start && strncmp(message, command_word, strlen(command_word)) == 0) {
			message = api_words_translate(message, &out);
		} else if (is_start && strncmp(message, "--", 2) == 0 && islower((unsigned char)message[2])) {
			size_t len = strspn(message + 2, "abcdefghijklmnopqrstuvwxyz0123456789-");
			_cleanup_free_ char *name = xstrndup(message + 2, len);

			if (!api_words_add_member(API_RESOURCE_COUNT, name, &out))
				buf_printf(&out, "--%s", name);
			message += 2 + len;
		} else {
			buf_add_char(&out, *message++);
		}
		is_start = out.len && strchr(" (", out.data[out.len - 1]);
	}
	return buf_steal(&out);
}
