#include "daemon/alert/mail_text.h"

#include "common/alloc.h"

#include <criterion/criterion.h>
#include <string.h>

enum { NOW = 1700000000 };

static char id[] = "i.warning", incident[] = "i", condition[] = "late", firing[] = "firing", resolved[] = "resolved",
	    warning[] = "warning", critical[] = "critical", type[] = "autocertificate", object[] = "7",
	    name[] = "www.example.test", title[] = "certificate is not renewed in time", text[] = "the CA said no";

static const struct message usual = { .id = id,
	.incident = incident,
	.condition = condition,
	.status = firing,
	.severity = warning,
	.type = type,
	.object = object,
	.name = name,
	.title = title,
	.text = text,
	.begun_at = NOW };

static void
make(const struct message *m, struct buf *ret)
{
	_cleanup_strlist_ struct strlist to = STRLIST_INIT;

	strlist_add(&to, "ops@example.test");
	strlist_add(&to, "b@example.test");
	mail_text(m, "host", "certd@example.test", &to, NOW, ret);
}

static bool
has_line(const struct buf *mail, const char *line)
{
	_cleanup_buf_ struct buf whole = BUF_INIT;

	buf_printf(&whole, "%s\r\n", line);
	return strstr(buf_str(mail), buf_str(&whole)) != NULL;
}

/* Every line ends with CR LF and is short; header and text are apart. Return: where the text begins. */
static const char *
check_form(const struct buf *mail)
{
	const char *all = buf_str(mail);
	const char *body = strstr(all, "\r\n\r\n");

	cr_assert_not_null(body);
	for (const char *line = all; *line;) {
		size_t len = strcspn(line, "\n");

		cr_expect_gt(len, 0);
		cr_expect_eq(line[len - 1], '\r');
		cr_expect_leq(len, 79, "%.*s", (int)len, line);
		cr_assert_eq(line[len], '\n');
		for (size_t i = 0; i + 1 < len; i++)
			cr_expect(line[i] >= ' ' && line[i] < 0x7f, "%.*s", (int)len, line);
		line += len + 1;
	}
	return body + 4;
}

Test(mail_text, it_has_the_header_of_an_automatic_mail)
{
	_cleanup_buf_ struct buf mail = BUF_INIT;

	make(&usual, &mail);
	check_form(&mail);
	cr_expect(has_line(&mail, "Date: Tue, 14 Nov 2023 22:13:20 +0000"));
	cr_expect(has_line(&mail, "From: certd <certd@example.test>"));
	cr_expect(has_line(&mail, "To: ops@example.test,\r\n b@example.test"));
	cr_expect(has_line(&mail, "Subject: [warning] www.example.test: certificate is not renewed in time"));
	cr_expect(has_line(&mail, "Message-ID: <i.warning@example.test>"));
	cr_expect(has_line(&mail, "Auto-Submitted: auto-generated"));
	cr_expect_null(strstr(buf_str(&mail), "In-Reply-To"));
	cr_expect(has_line(&mail, "the CA said no"));
	cr_expect_not_null(strstr(buf_str(&mail), "certctl explain 'www.example.test'"));
}

Test(mail_text, the_end_refers_to_the_begin)
{
	_cleanup_buf_ struct buf mail = BUF_INIT;
	_cleanup_buf_ struct buf worse = BUF_INIT;
	struct message m = usual;

	m.status = resolved;
	m.ended_at = NOW + 60;
	make(&m, &mail);
	cr_expect(has_line(&mail, "Subject: [resolved] www.example.test: certificate is not renewed in time"));
	cr_expect(has_line(&mail, "In-Reply-To: <i.warning@example.test>"));
	cr_expect(has_line(&mail, "Until:     2023-11-14T22:14:20Z"));
	m = usual;
	m.severity = critical;
	m.was = warning;
	make(&m, &worse);
	cr_expect(has_line(&worse, "References: <i.warning@example.test>"));
}

Test(mail_text, no_text_begins_a_header_field)
{
	static char evil[] = "x\r\nBcc: all@example.test\r\n\r\nbody", far[] = "caf\303\251 \342\200\256 =?utf-8?q?x?=";
	char *const names[] = { evil, far };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_buf_ struct buf mail = BUF_INIT;
		struct message m = usual;

		m.name = names[i];
		make(&m, &mail);
		check_form(&mail);
		for (const char *line = buf_str(&mail); line && strncmp(line, "\r\n", 2) != 0;) {
			cr_expect_neq(strncmp(line, "Bcc:", 4), 0);
			line = strstr(line, "\r\n");
			line = line ? line + 2 : NULL;
		}
	}
}

Test(mail_text, what_is_not_ascii_is_encoded)
{
	static char umlauts[] =
		"b\303\274cher-\303\244\303\266\303\274-\303\237.example.test with a name that is long enough to fold";
	_cleanup_buf_ struct buf mail = BUF_INIT;
	struct message m = usual;

	m.name = umlauts;
	m.text = umlauts;
	make(&m, &mail);
	check_form(&mail);
	cr_expect_not_null(strstr(buf_str(&mail), "Subject: =?UTF-8?B?W3dhcm5pbmddIGLDvGNoZXItw6TDtsO8LcOf"));
	cr_expect(has_line(&mail, "Content-Transfer-Encoding: base64"));
	cr_expect_null(strstr(buf_str(&mail), "\303"));
}

static const char *
subject_of(const struct buf *mail)
{
	return strstr(buf_str(mail), "Subject: ");
}

static void
expect_subject(const char *of, const char *subject)
{
	_cleanup_free_ char *copy = xstrdup(of);
	_cleanup_buf_ struct buf mail = BUF_INIT;
	struct message m = usual;
	char none[] = "";

	m.name = copy;
	m.title = none;
	make(&m, &mail);
	cr_expect_eq(strncmp(subject_of(&mail), subject, strlen(subject)), 0, "%s: %s", of, buf_str(&mail));
}

/* 68 octets are not folded, and an encoded word has 42. */
Test(mail_text, a_subject_is_folded_between_characters)
{
	expect_subject("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffff",
		"Subject: [warning] aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffff: \r\n");
	expect_subject("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffff",
		"Subject: =?UTF-8?B?W3dhcm5pbmddIGFhYWFhYWFhYWFiYmJiYmJiYmJiY2NjY2NjY2NjY2Rk?=\r\n "
		"=?UTF-8?B?ZGRkZGRkZGRlZWVlZWVlZWVlZmZmZmZmZjog?=\r\n");
	/* the 42nd and 43rd octet are one character */
	expect_subject("aaaaaaaaaabbbbbbbbbbccccccccccc\303\274d",
		"Subject: =?UTF-8?B?W3dhcm5pbmddIGFhYWFhYWFhYWFiYmJiYmJiYmJiY2NjY2NjY2NjY2M=?=\r\n "
		"=?UTF-8?B?w7xkOiA=?=\r\n");
}

/* RFC 5322 s2.1.1: 998 octets without the line end, in any line of the text. */
Test(mail_text, a_text_with_a_line_that_is_too_long_for_mail_is_encoded)
{
	static const struct {
		size_t first, second; /* length of two lines */
		bool is_plain;
	} cases[] = { { 998, 10, true }, { 999, 10, false }, { 10, 998, true }, { 10, 999, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf mail = BUF_INIT;
		_cleanup_buf_ struct buf lines = BUF_INIT;
		struct message m = usual;

		for (size_t k = 0; k < cases[i].first; k++)
			buf_add_char(&lines, 'a');
		buf_add_char(&lines, '\n');
		for (size_t k = 0; k < cases[i].second; k++)
			buf_add_char(&lines, 'b');
		m.text = lines.data;
		buf_str(&lines);
		make(&m, &mail);
		cr_expect_eq(has_line(&mail, "Content-Transfer-Encoding: 7bit"), cases[i].is_plain, "%zu", i);
		cr_expect_eq(has_line(&mail, "Content-Transfer-Encoding: base64"), !cases[i].is_plain, "%zu", i);
		if (cases[i].is_plain)
			cr_expect_not_null(strstr(buf_str(&mail), "a\r\nb"));
		else
			check_form(&mail);
	}
}

Test(mail_text, the_text_says_everything_about_the_condition)
{
	_cleanup_buf_ struct buf mail = BUF_INIT;
	struct message m = usual;
	const char *body;

	m.merged = 3;
	make(&m, &mail);
	body = check_form(&mail);
	cr_expect_str_eq(body,
		"certificate is not renewed in time\r\n\r\nthe CA said no\r\n\r\n"
		"Object:    autocertificate 'www.example.test'\r\nCondition: late\r\nSeverity:  warning\r\n"
		"Status:    firing\r\nSince:     2023-11-14T22:13:20Z\r\nHost:      host\r\n"
		"\r\nThis mail stands for 3 earlier ones that could not be delivered.\r\n"
		"\r\nFor details run on host: certctl explain 'www.example.test'\r\n");
	m = usual;
	m.status = resolved;
	m.ended_at = NOW + 60;
	m.name = NULL;
	buf_reset(&mail);
	make(&m, &mail);
	body = check_form(&mail);
	cr_expect_str_eq(body,
		"certificate is not renewed in time\r\n\r\nthe CA said no\r\n\r\n"
		"Condition: late\r\nSeverity:  warning\r\n"
		"Status:    resolved\r\nSince:     2023-11-14T22:13:20Z\r\nUntil:     2023-11-14T22:14:20Z\r\n"
		"Host:      host\r\n");
}
