/*
 * The formats differ only in punctuation: split the text into words and look for the keywords that name the value after
 * them. certd checks the base64 and the algorithm.
 */
#include "ctl/declare/tsig_file.h"

#include "common/alloc.h"
#include "common/error.h"
#include "common/strlist.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void
tsig_file_clear(struct tsig_file *file)
{
	free(file->name);
	free(file->algorithm);
	free(file->secret); /* NOLINT: the same octets are in the request */
	*file = (struct tsig_file){ .name = NULL };
}

static const char *
tsig_file_skip_comment(const char *p)
{
	const char *end;

	if (*p == '#' || strncmp(p, "// ", 3) == 0)
		return p + strcspn(p, "\n");
	if (strncmp(p, "/*", 2) == 0) {
		end = strstr(p, "*/");
		return end ? end + 2 : p + strlen(p);
	}
	return p;
}

static void
tsig_file_split_words(const char *p, struct strlist *words)
{
	while (*p) {
		const char *next = tsig_file_skip_comment(p);
		size_t len;

		if (next != p) {
			p = next;
		} else if (*p == '"') {
			len = strcspn(p + 1, "\"\n");
			strlist_take(words, xstrndup(p + 1, len));
			p += 1 + len + (p[1 + len] == '"');
		} else if (isspace((unsigned char)*p) || strchr("{};", *p)) {
			p++;
		} else {
			len = strcspn(p, " \t\r\n\v\f{};\"");
			strlist_take(words, xstrndup(p, len));
			p += len;
		}
	}
}

/* "secret" of BIND and "secret:" of YAML. */
static bool
tsig_file_is_label(const char *word, const char *label)
{
	size_t len = strlen(label);

	return strncasecmp(word, label, len) == 0 && (word[len] == '\0' || strcmp(word + len, ":") == 0);
}

static void
tsig_file_take_label(const struct strlist *words, size_t i, struct tsig_file *ret)
{
	const char *value = words->items[i + 1];

	if (tsig_file_is_label(words->items[i], "secret"))
		str_replace(&ret->secret, value);
	else if (tsig_file_is_label(words->items[i], "algorithm"))
		str_replace(&ret->algorithm, value);
	else if (tsig_file_is_label(words->items[i], "id") || strcasecmp(words->items[i], "key") == 0)
		str_replace(&ret->name, value);
}

/*
 * "Algorithm: 163 (HMAC_SHA256)" and "Key: SECRET" of dnssec-keygen and ldns-keygen. Only the file's name contains the
 * key's name.
 */
static void
tsig_file_take_private(const struct strlist *words, size_t i, struct tsig_file *ret)
{
	if (strcasecmp(words->items[i], "Key:") == 0) {
		str_replace(&ret->secret, words->items[i + 1]);
	} else if (strcasecmp(words->items[i], "Algorithm:") == 0 && i + 2 < words->count) {
		const char *name = words->items[i + 2] + (words->items[i + 2][0] == '(');

		free(ret->algorithm);
		ret->algorithm = xstrndup(name, strcspn(name, ")"));
		for (char *p = ret->algorithm; *p; p++)
			if (*p == '_')
				*p = '-';
	}
}

/* [ALGORITHM:]NAME:SECRET, or SECRET. */
static void
tsig_file_take_colons(const char *word, struct tsig_file *ret)
{
	struct strlist parts = STRLIST_INIT;

	strlist_split(&parts, word, ':');
	if (parts.count >= 1 && parts.count <= 3)
		ret->secret = xstrdup(parts.items[parts.count - 1]);
	if (parts.count >= 2 && parts.count <= 3)
		ret->name = xstrdup(parts.items[parts.count - 2]);
	if (parts.count == 3)
		ret->algorithm = xstrdup(parts.items[0]);
	strlist_clear(&parts);
}

static void
tsig_file_lower(char *text)
{
	for (; text && *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

int
tsig_file_read(const char *text, struct tsig_file *ret, struct error *err)
{
	_cleanup_strlist_ struct strlist words = STRLIST_INIT;
	void (*take)(const struct strlist *words, size_t i, struct tsig_file *ret);

	*ret = (struct tsig_file){ .name = NULL };
	tsig_file_split_words(text, &words);
	take = words.count && strcasecmp(words.items[0], "Private-key-format:") == 0 ? tsig_file_take_private
										     : tsig_file_take_label;
	for (size_t i = 0; i + 1 < words.count; i++)
		take(&words, i, ret);
	if (words.count == 1)
		tsig_file_take_colons(words.items[0], ret);
	tsig_file_lower(ret->algorithm);
	if (ret->secret && *ret->secret)
		return 0;
	tsig_file_clear(ret);
	return error_set_field(err, "tsigKey", "no key in the file: expected the output of tsig-keygen or keymgr -t");
}

int
tsig_file_apply(struct json_object *properties, struct error *err)
{
	struct tsig_file file;
	const char *text = NULL;
	int rc = json_get_string(properties, "tsigKey", &text, err);

	if (rc <= 0)
		return rc;
	if (tsig_file_read(text, &file, err) < 0)
		return -1;
	json_add_string(properties, "tsigKey", file.secret);
	if (!json_object_object_get_ex(properties, "tsigName", NULL))
		json_add_string(properties, "tsigName", file.name);
	if (!json_object_object_get_ex(properties, "tsigAlgorithm", NULL))
		json_add_string(properties, "tsigAlgorithm", file.algorithm);
	tsig_file_clear(&file);
	return 0;
}
