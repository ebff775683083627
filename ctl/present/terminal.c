/* Widths, colours and line breaks. Characters are those of UTF-8; the locale says only how wide they are. */
#include "ctl/present/terminal.h"

#include "common/utf8.h"

#include <langinfo.h>
#include <string.h>
#include <wchar.h>

enum { SOON_SEC = 30 * 86400 };

/* --- tones --- */

static const struct {
	const char *word;
	enum tone tone;
} words[] = {
	{ "AVAILABLE", TONE_GOOD },
	{ "PROVISIONING", TONE_SOON },
	{ "FAILED", TONE_BAD },
	{ "active", TONE_GOOD },
	{ "pending", TONE_SOON },
	{ "valid", TONE_GOOD },
	{ "expired", TONE_BAD },
	{ "revoked", TONE_BAD },
	{ "served", TONE_GOOD },
	{ "stale", TONE_BAD },
	{ "mismatch", TONE_BAD },
	{ "not valid", TONE_BAD },
	{ "incomplete chain", TONE_BAD },
	{ "unreachable", TONE_BAD },
	{ "running", TONE_GOOD },
	{ "degraded", TONE_BAD },
	{ "error", TONE_BAD },
	{ "warning", TONE_SOON },
	{ "ok", TONE_GOOD },
	{ "blocked", TONE_BAD },
};

enum tone
tone_of_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].tone;
	return TONE_NONE;
}

/* Less than a third of the lifetime is left, and at most 30 days: certd should have renewed it. */
static enum tone
tone_of_expiry(const struct ctl *ctl, int64_t from, int64_t until)
{
	int64_t left = until - ctl_now(ctl);

	if (until == 0)
		return TONE_NONE;
	if (left <= 0)
		return TONE_BAD;
	return left < SOON_SEC && (from == 0 || left < (until - from) / 3) ? TONE_SOON : TONE_GOOD;
}

enum tone
tone_of_member(const struct ctl *ctl, const char *path, struct json_object *object)
{
	const char *dot = strrchr(path, '.');
	const char *name = dot ? dot + 1 : path;
	_cleanup_free_ char *from = xasprintf("%.*snotBefore", (int)(name - path), path);

	if (strcmp(name, "state") == 0 || strcmp(name, "status") == 0 || strcmp(name, "served") == 0)
		return tone_of_word(ctl_text_at(object, path));
	if (strcmp(name, "notAfter") != 0 && strcmp(name, "expiresDate") != 0)
		return TONE_NONE;
	return tone_of_expiry(ctl, ctl_time_at(object, from), ctl_time_at(object, path));
}

void
terminal_paint(struct buf *ret, bool has_colour, enum tone tone, const char *text)
{
	static const char *const colours[] = { "", "\033[32m", "\033[33m", "\033[31m" };

	if (has_colour && tone != TONE_NONE)
		buf_printf(ret, "%s%s\033[0m", colours[tone], text);
	else
		buf_add_str(ret, text);
}

/* --- widths --- */

/* The character at @text (RFC 3629). @ret_len: its octets; one that is not UTF-8 counts as a character. */
static wchar_t
terminal_char(const char *text, size_t *ret_len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len = utf8_length(text, strlen(text));
	wchar_t c;

	*ret_len = len ? len : 1;
	if (len <= 1)
		return (wchar_t)p[0];
	c = (wchar_t)(p[0] & (0x7f >> len));
	for (size_t i = 1; i < len; i++)
		c = (wchar_t)(c << 6 | (p[i] & 0x3f));
	return c;
}

static size_t
terminal_char_width(const char *text, size_t *ret_len)
{
	int width = wcwidth(terminal_char(text, ret_len));

	return width < 0 ? 1 : (size_t)width;
}

size_t
terminal_width(const char *text)
{
	size_t width = 0;
	size_t len;

	for (; *text; text += len)
		width += terminal_char_width(text, &len);
	return width;
}

static const char *
terminal_ellipsis(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\xe2\x80\xa6" : "...";
}

void
terminal_clip(struct buf *ret, const char *text, size_t width)
{
	const char *ellipsis = terminal_ellipsis();
	size_t room = terminal_width(ellipsis);
	size_t len;

	if (terminal_width(text) <= width) {
		buf_add_str(ret, text);
		return;
	}
	if (room >= width) {
		ellipsis = "";
		room = 0;
	}
	for (size_t left = width - room; *text; text += len) {
		size_t n = terminal_char_width(text, &len);

		if (n > left)
			break;
		buf_add(ret, text, len);
		left -= n;
	}
	buf_add_str(ret, ellipsis);
}

/* --- line breaks --- */

/* Octets of the next word: what stays together on a line. A command ends before ';', ')' or the end. */
static size_t
terminal_word(const char *text)
{
	size_t end = strcspn(text, " ");

	if (strncmp(text, "certctl ", 8) == 0)
		return strcspn(text, ";)");
	if (strncmp(text, "(certctl ", 9) == 0)
		return strcspn(text, ";)") + (strchr(text, ')') ? 1u : 0u);
	return end;
}

void
terminal_wrap(const struct ctl *ctl, size_t column, size_t indent, const char *text)
{
	bool is_start = true;

	if (!ctl->out_columns) {
		fprintf(ctl->out, "%s\n", text);
		return;
	}
	while (*text) {
		size_t len = terminal_word(text);
		_cleanup_free_ char *word = xstrndup(text, len);
		size_t width = terminal_width(word);

		if (!is_start && column + 1 + width > ctl->out_columns) {
			fprintf(ctl->out, "\n%*s", (int)indent, "");
			column = indent;
			is_start = true;
		}
		fprintf(ctl->out, "%s%s", is_start ? "" : " ", word);
		column += width + !is_start;
		is_start = false;
		text += len;
		text += strspn(text, " ");
		if (*text == ';' || *text == ')') /* directly behind a command */
			is_start = true;
	}
	fputc('\n', ctl->out);
}
