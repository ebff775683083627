/* The protocols of lines: SMTP (RFC 3207), FTP (RFC 4217), IMAP and POP3 (RFC 2595), ManageSieve (RFC 5804). */
#include "daemon/rollout/starttls_private.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool
lines_begins(const char *line, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	return len >= word_len && strncasecmp(line, word, word_len) == 0;
}

/* As a word: followed by a blank or the end. */
static bool
lines_is(const char *line, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	return lines_begins(line, len, word) && (len == word_len || line[word_len] == ' ');
}

static enum starttls_result
lines_foreign(struct error *err, const char *what, const char *line, size_t len)
{
	return starttls_refuse(err, ERROR_PROTOCOL, what, line, len);
}

static enum starttls_result
lines_denied(struct error *err, const char *what, const char *line, size_t len)
{
	return starttls_refuse(err, ERROR_STATE, what, line, len);
}

static enum starttls_result
lines_say(struct starttls *s, enum starttls_step step, const char *words, struct buf *out)
{
	s->step = step;
	buf_add_str(out, words);
	return STARTTLS_WAITS;
}

/* --- replies with a code: "220-text", ..., "220 text" (RFC 5321 s4.2.1, RFC 959 s4.2) --- */

/* Return: is it the last line of a reply, whose class (first digit) is *ret_class? 0: the line has no code. */
static bool
lines_reply_ends(struct starttls *s, const char *line, size_t len, char *ret_class)
{
	bool has_code = len >= 3 && isdigit((unsigned char)line[0]) && isdigit((unsigned char)line[1]) &&
			isdigit((unsigned char)line[2]) && (len == 3 || line[3] == ' ' || line[3] == '-');
	bool is_last = has_code && (len == 3 || line[3] == ' ');

	/* Lines inside a reply of FTP need not have a code. */
	*ret_class = s->code[0] ? s->code[0] : '0';
	if (s->code[0] && (!has_code || strncmp(line, s->code, 3) != 0))
		return false;
	if (!has_code) {
		*ret_class = '0';
		return true;
	}
	*ret_class = line[0];
	memcpy(s->code, line, 3);
	if (is_last)
		s->code[0] = '\0';
	return is_last;
}

static enum starttls_result
smtp_line(struct starttls *s, const char *line, size_t len, struct buf *out, struct error *err)
{
	char class;
	bool is_last = lines_reply_ends(s, line, len, &class);

	if (s->step == STARTTLS_FEATURES && len > 4 && lines_is(line + 4, len - 4, "STARTTLS"))
		s->is_offered = true;
	if (!is_last)
		return STARTTLS_WAITS;
	if (class == '0')
		return lines_foreign(err, "the answer is not SMTP", line, len);
	if (class != '2')
		return lines_denied(err, "the server refuses", line, len);
	if (s->step == STARTTLS_GREETING) /* a name that no host has (RFC 2606 s2) */
		return lines_say(s, STARTTLS_FEATURES, "EHLO certd.invalid\r\n", out);
	if (s->step == STARTTLS_ANSWER)
		return STARTTLS_READY;
	if (!s->is_offered)
		return lines_denied(err, "the server does not offer STARTTLS", "", 0);
	return lines_say(s, STARTTLS_ANSWER, "STARTTLS\r\n", out);
}

static enum starttls_result
ftp_line(struct starttls *s, const char *line, size_t len, struct buf *out, struct error *err)
{
	char class;

	if (!lines_reply_ends(s, line, len, &class))
		return STARTTLS_WAITS;
	if (class == '0')
		return lines_foreign(err, "the answer is not FTP", line, len);
	if (class == '1' && s->step == STARTTLS_GREETING) /* "120 ready in 5 minutes" */
		return STARTTLS_WAITS;
	if (class != '2')
		return lines_denied(err, "the server refuses", line, len);
	if (s->step == STARTTLS_GREETING)
		return lines_say(s, STARTTLS_ANSWER, "AUTH TLS\r\n", out);
	return STARTTLS_READY;
}

/* --- replies with a word --- */

static enum starttls_result
imap_line(struct starttls *s, const char *line, size_t len, struct buf *out, struct error *err)
{
	if (s->step == STARTTLS_GREETING) {
		if (lines_is(line, len, "* OK"))
			return lines_say(s, STARTTLS_ANSWER, "a STARTTLS\r\n", out);
		if (lines_begins(line, len, "* BYE") || lines_begins(line, len, "* PREAUTH"))
			return lines_denied(err, "the server refuses", line, len);
		return lines_foreign(err, "the answer is not IMAP", line, len);
	}
	if (lines_is(line, len, "a OK"))
		return STARTTLS_READY;
	if (lines_begins(line, len, "* ") && !lines_begins(line, len, "* BYE"))
		return STARTTLS_WAITS;
	return lines_denied(err, "the server refuses STARTTLS", line, len);
}

static enum starttls_result
pop3_line(struct starttls *s, const char *line, size_t len, struct buf *out, struct error *err)
{
	if (lines_begins(line, len, "-ERR"))
		return lines_denied(err, "the server refuses", line, len);
	if (!lines_is(line, len, "+OK"))
		return lines_foreign(err, "the answer is not POP3", line, len);
	if (s->step == STARTTLS_GREETING)
		return lines_say(s, STARTTLS_ANSWER, "STLS\r\n", out);
	return STARTTLS_READY;
}

/* Capabilities, one a line, then OK. */
static enum starttls_result
sieve_line(struct starttls *s, const char *line, size_t len, struct buf *out, struct error *err)
{
	if (lines_begins(line, len, "\"STARTTLS\""))
		s->is_offered = true;
	if (len && line[0] == '"')
		return STARTTLS_WAITS;
	if (lines_begins(line, len, "NO") || lines_begins(line, len, "BYE"))
		return lines_denied(err, "the server refuses", line, len);
	if (!lines_is(line, len, "OK"))
		return lines_foreign(err, "the answer is not ManageSieve", line, len);
	if (s->step == STARTTLS_ANSWER)
		return STARTTLS_READY;
	if (!s->is_offered)
		return lines_denied(err, "the server does not offer STARTTLS", "", 0);
	return lines_say(s, STARTTLS_ANSWER, "STARTTLS\r\n", out);
}

const struct starttls_protocol starttls_smtp = { .name = "smtp", .line = smtp_line };
const struct starttls_protocol starttls_ftp = { .name = "ftp", .line = ftp_line };
const struct starttls_protocol starttls_imap = { .name = "imap", .line = imap_line };
const struct starttls_protocol starttls_pop3 = { .name = "pop3", .line = pop3_line };
const struct starttls_protocol starttls_sieve = { .name = "sieve", .line = sieve_line };
