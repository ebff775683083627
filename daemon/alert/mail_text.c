/* Header fields are folded at 78 columns; the text is plain, and base64 where it is not ASCII. */
#include "daemon/alert/mail_text.h"

#include "common/alloc.h"
#include "common/crypto/base64url.h"
#include "common/printable.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	WORD_OCTETS = 42,  /* of an encoded word: 56 characters in base64, at most 75 with its frame (RFC 2047 s2) */
	BASE64_LINE = 57,  /* octets; 76 characters (RFC 2045 s6.8) */
	SUBJECT_MAX = 300, /* octets */
	PLAIN_LINE_MAX = 998
};

static bool
is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x7f || ((unsigned char)*text < ' ' && *text != '\n'))
			return false;
	return true;
}

/* RFC 4648 s4: with '+', '/' and padding. */
static void
add_base64(struct buf *ret, const char *data, size_t len)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	base64url_encode(data, len, &text);
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(ret, text.data[i] == '-' ? '+' : text.data[i] == '_' ? '/' : text.data[i]);
	for (size_t i = text.len; i % 4; i++)
		buf_add_char(ret, '=');
}

/* Not within a character (RFC 2047 s5): continuation octets are 10xxxxxx. */
static size_t
mail_cut(const char *text, size_t len, size_t most)
{
	if (len <= most)
		return len;
	while (most > 1 && ((unsigned char)text[most] & 0xc0) == 0x80)
		most--;
	return most;
}

/*
 * As text that a reader of mail shows, but no server obeys. What looks like an encoded word is encoded too, and so is a
 * long ASCII subject, which folds it.
 */
static void
add_subject(struct buf *ret, const char *text)
{
	_cleanup_free_ char *line = printable_line(text, strlen(text), SUBJECT_MAX);
	size_t len = strlen(line);

	buf_add_str(ret, "Subject: ");
	if (is_ascii(line) && len <= 68 && !strstr(line, "=?")) {
		buf_printf(ret, "%s\r\n", line);
		return;
	}
	for (size_t at = 0; at < len;) {
		size_t n = mail_cut(line + at, len - at, WORD_OCTETS);

		buf_printf(ret, "%s=?UTF-8?B?", at ? "\r\n " : "");
		add_base64(ret, line + at, n);
		buf_add_str(ret, "?=");
		at += n;
	}
	buf_add_str(ret, "\r\n");
}

/* RFC 5322 s3.3, in UTC and without the locale. */
static void
add_date(struct buf *ret, int64_t now)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
		"Nov", "Dec" };
	time_t at = (time_t)now;
	struct tm tm = { 0 };

	gmtime_r(&at, &tm);
	buf_printf(ret, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday % 7], tm.tm_mday,
		months[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* The right side of the ids: the domain of the sender, which is ASCII and checked. */
static const char *
mail_domain(const char *from)
{
	const char *at = strchr(from, '@');

	return at ? at + 1 : "certd.invalid";
}

static void
add_recipients(struct buf *ret, const struct strlist *to)
{
	buf_add_str(ret, "To: ");
	for (size_t i = 0; i < to->count; i++)
		buf_printf(ret, "%s%s", i ? ",\r\n " : "", to->items[i]);
	buf_add_str(ret, "\r\n");
}

static void
add_header(struct buf *ret, const struct message *m, const char *from, const struct strlist *to, int64_t now)
{
	_cleanup_free_ char *subject = message_subject(m);
	const char *domain = mail_domain(from);

	add_date(ret, now);
	buf_printf(ret, "From: certd <%s>\r\n", from);
	add_recipients(ret, to);
	add_subject(ret, subject);
	buf_printf(ret, "Message-ID: <%s@%s>\r\n", m->id, domain);
	if (message_is_resolved(m) || m->was)
		buf_printf(ret, "In-Reply-To: <%s.%s@%s>\r\nReferences: <%s.%s@%s>\r\n", m->incident,
			m->was ? m->was : m->severity, domain, m->incident, m->was ? m->was : m->severity, domain);
	buf_add_str(ret, "Auto-Submitted: auto-generated\r\n"); /* RFC 3834 s5: no vacation replies */
	buf_add_str(ret, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n");
}

static void
add_time(struct buf *ret, const char *label, int64_t at)
{
	char text[TIME_RFC3339_SIZE];

	time_format_rfc3339(at, text);
	buf_printf(ret, "%s %s\n", label, text);
}

static void
add_lines(struct buf *ret, const struct message *m, const char *host)
{
	buf_printf(ret, "%s\n\n%s\n\n", m->title, m->text);
	if (m->name)
		buf_printf(ret, "Object:    %s '%s'\n", m->type, m->name);
	buf_printf(ret, "Condition: %s\nSeverity:  %s\nStatus:    %s\n", m->condition, m->severity, m->status);
	add_time(ret, "Since:    ", m->begun_at);
	if (m->ended_at)
		add_time(ret, "Until:    ", m->ended_at);
	buf_printf(ret, "Host:      %s\n", host);
	if (m->merged)
		buf_printf(ret, "\nThis mail stands for %lld earlier ones that could not be delivered.\n",
			(long long)m->merged);
	if (m->name && !message_is_resolved(m) && strcmp(m->condition, "foreign") != 0) /* its text has the commands */
		buf_printf(ret, "\nFor details run on %s: certctl explain '%s'\n", host, m->name);
}

static bool
has_long_line(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > PLAIN_LINE_MAX)
			return true;
		text += len + (text[len] == '\n');
	}
	return false;
}

static void
add_body(struct buf *ret, const char *text)
{
	size_t len = strlen(text);

	if (is_ascii(text) && !has_long_line(text)) {
		buf_add_str(ret, "Content-Transfer-Encoding: 7bit\r\n\r\n");
		for (; *text; text++)
			buf_printf(ret, "%s%c", *text == '\n' ? "\r" : "", *text);
		return;
	}
	buf_add_str(ret, "Content-Transfer-Encoding: base64\r\n\r\n");
	for (size_t at = 0; at < len; at += BASE64_LINE) {
		add_base64(ret, text + at, len - at < BASE64_LINE ? len - at : BASE64_LINE);
		buf_add_str(ret, "\r\n");
	}
}

void
mail_text(const struct message *m, const char *host, const char *from, const struct strlist *to, int64_t now,
	struct buf *ret)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	add_header(ret, m, from, to, now);
	add_lines(&text, m, host);
	add_body(ret, buf_str(&text));
}
