/* Each protocol's conversation, as real servers and as wrong ones lead it. */
#include "daemon/rollout/starttls.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

enum { TURNS_MAX = 5 };

/* What the client says and what the server answers, in turn. */
struct talk {
	const char *protocol;
	struct {
		const char *client, *server;
		size_t client_len, server_len;
	} turns[TURNS_MAX];
	enum starttls_result ends;
	const char *says; /* of the error */
};

#define TURN(client, server) \
	{ \
		client, server, sizeof(client) - 1, sizeof(server) - 1 \
	}
#define LDAP_REQUEST \
	"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" \
	"1.3.6.1.4.1.1466.20037"
#define XMPP_BEGIN \
	"<?xml version='1.0'?><stream:stream to='mail.example.com' version='1.0' xmlns='jabber:client' " \
	"xmlns:stream='http://etherx.jabber.org/streams'>"
#define XMPP_STREAM "<?xml version='1.0'?><stream:stream from='mail.example.com' version='1.0'>"

/* clang-format off */
static const struct talk talks[] = {
	{ "smtp", { TURN("", "220 mx ESMTP\r\n"),
		TURN("EHLO certd.invalid\r\n", "250-mx\r\n250-STARTTLS\r\n250 SIZE\r\n"),
		TURN("STARTTLS\r\n", "220 2.0.0 Ready\r\n") }, STARTTLS_READY, NULL },
	{ "smtp", { TURN("", "220-one\r\n220 two\r\n"), TURN("EHLO certd.invalid\r\n", "250-mx\r\n250 starttls\r\n"),
		TURN("STARTTLS\r\n", "454 4.7.0 TLS not available\r\n") },
		STARTTLS_FAILED, "the server refuses: 454 4.7.0 TLS not available" },
	{ "smtp", { TURN("", "220 mx\r\n"), TURN("EHLO certd.invalid\r\n", "250-mx\r\n250 STARTTLSX\r\n") },
		STARTTLS_FAILED, "the server does not offer STARTTLS" },
	{ "smtp", { TURN("", "554 go \033[31maway\r\n") }, STARTTLS_FAILED, "the server refuses: 554 go [31maway" },
	{ "smtp", { TURN("", "SSH-2.0-OpenSSH_9\r\n") }, STARTTLS_FAILED, "the answer is not SMTP: SSH-2.0-OpenSSH_9" },
	{ "smtp", { TURN("", "220 mx\r\n"), TURN("EHLO certd.invalid\r\n", "250 STARTTLS\r\n"),
		TURN("STARTTLS\r\n", "220 Ready\r\n250 injected\r\n") },
		STARTTLS_FAILED, "data after the answer to STARTTLS" },
	{ "imap", { TURN("", "* OK ready\r\n"), TURN("a STARTTLS\r\n", "* CAPABILITY X\r\na OK begin\r\n") },
		STARTTLS_READY, NULL },
	{ "imap", { TURN("", "* OK ready\r\n"), TURN("a STARTTLS\r\n", "a BAD unknown command\r\n") },
		STARTTLS_FAILED, "the server refuses STARTTLS: a BAD unknown command" },
	{ "imap", { TURN("", "* BYE too busy\r\n") }, STARTTLS_FAILED, "the server refuses: * BYE too busy" },
	{ "imap", { TURN("", "220 mx\r\n") }, STARTTLS_FAILED, "the answer is not IMAP: 220 mx" },
	{ "pop3", { TURN("", "+OK ready\r\n"), TURN("STLS\r\n", "+OK begin\r\n") }, STARTTLS_READY, NULL },
	{ "pop3", { TURN("", "+OK\r\n"), TURN("STLS\r\n", "-ERR no TLS\r\n") },
		STARTTLS_FAILED, "the server refuses: -ERR no TLS" },
	{ "pop3", { TURN("", "* OK\r\n") }, STARTTLS_FAILED, "the answer is not POP3: * OK" },
	{ "sieve", { TURN("", "\"SIEVE\" \"x\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n"),
		TURN("STARTTLS\r\n", "OK \"begin\"\r\n") }, STARTTLS_READY, NULL },
	{ "sieve", { TURN("", "\"SIEVE\" \"x\"\r\nOK\r\n") }, STARTTLS_FAILED, "the server does not offer STARTTLS" },
	{ "sieve", { TURN("", "BYE \"busy\"\r\n") }, STARTTLS_FAILED, "the server refuses: BYE \"busy\"" },
	{ "ftp", { TURN("", "220-Welcome\r\n 123 text\r\n220 ready\r\n"), TURN("AUTH TLS\r\n", "234 Proceed\r\n") },
		STARTTLS_READY, NULL },
	{ "ftp", { TURN("", "120 soon\r\n220 ready\r\n"), TURN("AUTH TLS\r\n", "530 Please login\r\n") },
		STARTTLS_FAILED, "the server refuses: 530 Please login" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00") },
		STARTTLS_READY, NULL },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x10\x02\x01\x01\x78\x0b\x0a\x01\x02\x04\x00\x04\x04nope") },
		STARTTLS_FAILED, "LDAP result 2: the server refuses STARTTLS: nope" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x84\xff\xff\xff\xff") }, STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x80\x00\x00") }, STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "HTTP/1.1 400 Bad\r\n") },
		STARTTLS_FAILED, "the answer is not LDAP: HTTP/1.1 400 Bad" },
	{ "postgres", { TURN("\x00\x00\x00\x08\x04\xd2\x16\x2f", "S") }, STARTTLS_READY, NULL },
	{ "postgres", { TURN("\x00\x00\x00\x08\x04\xd2\x16\x2f", "N") },
		STARTTLS_FAILED, "the server does not offer TLS" },
	{ "postgres", { TURN("\x00\x00\x00\x08\x04\xd2\x16\x2f", "SE") },
		STARTTLS_FAILED, "data after the answer to STARTTLS" },
	{ "xmpp", { TURN(XMPP_BEGIN, XMPP_STREAM "<stream:features><starttls xmlns='x'/></stream:features>"),
		TURN("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<proceed xmlns='x'/>") },
		STARTTLS_READY, NULL },
	{ "xmpp", { TURN(XMPP_BEGIN, XMPP_STREAM "<stream:features/>") },
		STARTTLS_FAILED, "the server does not offer STARTTLS" },
	{ "xmpp", { TURN(XMPP_BEGIN, "<stream:stream><stream:error><host-unknown/></stream:error>") },
		STARTTLS_FAILED, "the server refuses: <stream:stream><stream:error><host-unknown/></stream:error>" },
	{ "xmpp", { TURN(XMPP_BEGIN, "220 mx\r\n") }, STARTTLS_FAILED, "the answer is not XMPP: 220 mx" },
	{ "smtp", { TURN("", "220\r\n"), TURN("EHLO certd.invalid\r\n", "250-STARTTLS x\n250 x\n"),
		TURN("STARTTLS\r\n", "220\r\n") }, STARTTLS_READY, NULL },
	{ "smtp", { TURN("", "220 STARTTLS\r\n"), TURN("EHLO certd.invalid\r\n", "250-STARTTL\r\n250\r\n") },
		STARTTLS_FAILED, "the server does not offer STARTTLS" },
	{ "smtp", { TURN("", "220 mx\r\n"), TURN("EHLO certd.invalid\r\n", "502 no EHLO\r\n") },
		STARTTLS_FAILED, "the server refuses: 502 no EHLO" },
	{ "smtp", { TURN("", "354 odd\r\n") }, STARTTLS_FAILED, "the server refuses: 354 odd" },
	{ "smtp", { TURN("", "2200 odd\r\n") }, STARTTLS_FAILED, "the answer is not SMTP: 2200 odd" },
	{ "smtp", { TURN("", "x20 odd\r\n") }, STARTTLS_FAILED, "the answer is not SMTP: x20 odd" },
	{ "smtp", { TURN("", "2x0 odd\r\n") }, STARTTLS_FAILED, "the answer is not SMTP: 2x0 odd" },
	{ "smtp", { TURN("", "22x odd\r\n") }, STARTTLS_FAILED, "the answer is not SMTP: 22x odd" },
	{ "smtp", { TURN("", "22\r\n") }, STARTTLS_FAILED, "the answer is not SMTP: 22" },
	{ "smtp", { TURN("", "\n") }, STARTTLS_FAILED, "the answer is not SMTP" },
	{ "smtp", { TURN("", "220-not the end\r\n") }, STARTTLS_WAITS, NULL },
	{ "smtp", { TURN("", "220 no end") }, STARTTLS_WAITS, NULL },
	{ "imap", { TURN("", "* ok\r\n"), TURN("a STARTTLS\r\n", "A ok\r\n") }, STARTTLS_READY, NULL },
	{ "imap", { TURN("", "* OKAY\r\n") }, STARTTLS_FAILED, "the answer is not IMAP: * OKAY" },
	{ "imap", { TURN("", "* PREAUTH hello\r\n") }, STARTTLS_FAILED, "the server refuses: * PREAUTH hello" },
	{ "imap", { TURN("", "* OK\r\n"), TURN("a STARTTLS\r\n", "a OKAY\r\n") },
		STARTTLS_FAILED, "the server refuses STARTTLS: a OKAY" },
	{ "imap", { TURN("", "* OK\r\n"), TURN("a STARTTLS\r\n", "* BYE bye\r\na OK\r\n") },
		STARTTLS_FAILED, "the server refuses STARTTLS: * BYE bye" },
	{ "imap", { TURN("", "* OK\r\n"), TURN("a STARTTLS\r\n", "a OK\r\n* OK injected\r\n") },
		STARTTLS_FAILED, "data after the answer to STARTTLS" },
	{ "pop3", { TURN("", "-err busy\r\n") }, STARTTLS_FAILED, "the server refuses: -err busy" },
	{ "pop3", { TURN("", "+OKAY\r\n") }, STARTTLS_FAILED, "the answer is not POP3: +OKAY" },
	{ "pop3", { TURN("", "+OK\r\n"), TURN("STLS\r\n", "+OK\r\n+OK injected\r\n") },
		STARTTLS_FAILED, "data after the answer to STARTTLS" },
	{ "sieve", { TURN("", "NO \"busy\"\r\n") }, STARTTLS_FAILED, "the server refuses: NO \"busy\"" },
	{ "sieve", { TURN("", "\"SIEVE\" \"STARTTLS\"\r\nOK\r\n") },
		STARTTLS_FAILED, "the server does not offer STARTTLS" },
	{ "sieve", { TURN("", "OKAY\r\n") }, STARTTLS_FAILED, "the answer is not ManageSieve: OKAY" },
	{ "sieve", { TURN("", "\r\n") }, STARTTLS_FAILED, "the answer is not ManageSieve" },
	{ "sieve", { TURN("", "\"starttls\"\r\nok\r\n"), TURN("STARTTLS\r\n", "no\r\n") },
		STARTTLS_FAILED, "the server refuses: no" },
	{ "ftp", { TURN("", "220-a\r\n220-b\r\n221 c\r\nd\r\n220 e\r\n"), TURN("AUTH TLS\r\n", "334 more\r\n") },
		STARTTLS_FAILED, "the server refuses: 334 more" },
	{ "ftp", { TURN("", "220\r\n"), TURN("AUTH TLS\r\n", "120 soon\r\n") },
		STARTTLS_FAILED, "the server refuses: 120 soon" },
	{ "ftp", { TURN("", "hello\r\n") }, STARTTLS_FAILED, "the answer is not FTP: hello" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x81\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00") },
		STARTTLS_READY, NULL },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x84\x00\x00\x00\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00") },
		STARTTLS_READY, NULL },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x01\x04\x00\x04\x00") },
		STARTTLS_FAILED, "LDAP result 1: the server refuses STARTTLS" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00\x30") },
		STARTTLS_FAILED, "data after the answer to STARTTLS" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x85\x00\x00\x00\x00\x0c") }, STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x82\x40\x01") }, STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x82\x40\x00") }, STARTTLS_WAITS, NULL },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x82\x40") }, STARTTLS_WAITS, NULL },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30") }, STARTTLS_WAITS, NULL },
	{ "ldap", { TURN(LDAP_REQUEST, "\x31\x05") }, STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x31\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00") },
		STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x0c\x04\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00") },
		STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x0c\x02\x01\x01\x77\x07\x0a\x01\x00\x04\x00\x04\x00") },
		STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x0c\x02\x01\x01\x78\x07\x02\x01\x00\x04\x00\x04\x00") },
		STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x0d\x02\x01\x01\x78\x08\x0a\x02\x00\x00\x04\x00\x04\x00") },
		STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x0b\x02\x01\x01\x78\x06\x0a\x00\x04\x00\x04\x00") },
		STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x05\x00\x04\x00") },
		STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x05\x00") },
		STARTTLS_FAILED, "the answer is not LDAP" },
	{ "ldap", { TURN(LDAP_REQUEST, "\x30\x0c\x02\x01\x01\x78\x08\x0a\x01\x00\x04\x00\x04\x00") },
		STARTTLS_FAILED, "the answer is not LDAP" },
	{ "postgres", { TURN("\x00\x00\x00\x08\x04\xd2\x16\x2f", "E") },
		STARTTLS_FAILED, "the answer is not PostgreSQL: E" },
	{ "xmpp", { TURN(XMPP_BEGIN, " \r\n" XMPP_STREAM "<stream:features><starttls/></stream:features>"),
		TURN("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "\r\n<failure/>") },
		STARTTLS_FAILED, "the server refuses STARTTLS: " },
	{ "xmpp", { TURN(XMPP_BEGIN, "\n" XMPP_STREAM "<stream:features><starttls/></stream:features>"),
		TURN("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "\n<proceed/>") }, STARTTLS_READY, NULL },
	{ "xmpp", { TURN(XMPP_BEGIN, "<stream:features><starttls/></stream:features>"),
		TURN("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<proceed") }, STARTTLS_WAITS, NULL },
	{ "xmpp", { TURN(XMPP_BEGIN, "<stream:features><starttls/></stream:features>"),
		TURN("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<proceed/><a/>") },
		STARTTLS_FAILED, "data after the answer to STARTTLS" },
	{ "xmpp", { TURN(XMPP_BEGIN, "<stream:features><starttls/></stream:features>"),
		TURN("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<stream:error/>") },
		STARTTLS_FAILED, "the server refuses: <stream:error/>" },
	{ "xmpp", { TURN(XMPP_BEGIN, "<stream:features><starttls/>") }, STARTTLS_WAITS, NULL },
};
/* clang-format on */

/* @step: octets that arrive at once. */
static void
play(const struct talk *talk, size_t step)
{
	struct starttls *s = starttls_new(talk->protocol, "mail.example.com");
	enum starttls_result result = STARTTLS_WAITS;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf said = BUF_INIT;

	cr_assert_not_null(s);
	starttls_begin(s, &said);
	for (size_t i = 0; i < TURNS_MAX && talk->turns[i].client; i++) {
		const char *client = talk->turns[i].client, *server = talk->turns[i].server;
		size_t len = talk->turns[i].server_len, client_len = talk->turns[i].client_len;

		cr_expect_eq(result, STARTTLS_WAITS, "%s, turn %zu: %s", talk->protocol, i, err.message);
		cr_expect(said.len == client_len && (!client_len || memcmp(said.data, client, client_len) == 0),
			"%s, turn %zu: %s", talk->protocol, i, buf_str(&said));
		buf_reset(&said);
		for (size_t at = 0; at < len && result == STARTTLS_WAITS; at += step)
			result = starttls_feed(s, server + at, step < len - at ? step : len - at, &said, &err);
	}
	cr_expect_eq(result, talk->ends, "%s: %s", talk->protocol, err.message);
	if (talk->says)
		cr_expect(err.message && strncmp(err.message, talk->says, strlen(talk->says)) == 0, "%s: %s",
			talk->protocol, err.message);
	starttls_free(s);
}

Test(starttls, each_protocol_and_each_refusal)
{
	for (size_t i = 0; i < ARRAY_SIZE(talks); i++)
		play(&talks[i], SIZE_MAX);
}

/* Data behind the answer is then noticed by TLS, which it is not. */
Test(starttls, octets_may_come_one_by_one)
{
	for (size_t i = 0; i < ARRAY_SIZE(talks); i++)
		if (talks[i].ends == STARTTLS_READY)
			play(&talks[i], 1);
}

Test(starttls, tls_needs_no_words)
{
	cr_expect_null(starttls_new("tls", "h"));
	cr_expect_null(starttls_new(NULL, "h"));
}

Test(starttls, a_server_that_never_ends_is_left)
{
	static const char *const protocols[] = { "smtp", "imap", "sieve", "ftp", "xmpp" };
	static const char line[] = "220-* \"<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		struct starttls *s = starttls_new(protocols[i], "h");
		const char *text = strcmp(protocols[i], "xmpp") == 0 ? "<aaaaaaa" : line;
		enum starttls_result result = STARTTLS_WAITS;
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_buf_ struct buf said = BUF_INIT;
		size_t fed = 0;

		for (; result == STARTTLS_WAITS && fed < 10 * STARTTLS_MAX_OCTETS; fed += strlen(text))
			result = starttls_feed(s, text, strlen(text), &said, &err);
		cr_expect_eq(result, STARTTLS_FAILED, "%s", protocols[i]);
		cr_expect_leq(fed, STARTTLS_MAX_OCTETS + strlen(text));
		starttls_free(s);
	}
}

Test(starttls, exactly_so_much_is_taken_before_tls)
{
	static char text[STARTTLS_MAX_OCTETS];
	struct starttls *s = starttls_new("smtp", "h");
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf said = BUF_INIT;

	memset(text, 'a', sizeof(text));
	cr_expect_eq(starttls_feed(s, text, sizeof(text), &said, &err), STARTTLS_WAITS);
	cr_expect_eq(starttls_feed(s, "\n", 1, &said, &err), STARTTLS_FAILED);
	cr_expect_eq(err.code, ERROR_PROTOCOL);
	cr_expect_str_eq(err.message, "the server sent more than 16384 octets before TLS");
	starttls_free(s);
}

Test(starttls, a_stranger_is_told_from_a_server_that_refuses)
{
	for (size_t i = 0; i < ARRAY_SIZE(talks); i++) {
		struct starttls *s = starttls_new(talks[i].protocol, "h");
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_buf_ struct buf said = BUF_INIT;
		bool is_foreign = talks[i].says && (strncmp(talks[i].says, "the answer", 10) == 0 ||
							   strncmp(talks[i].says, "data after", 10) == 0);

		for (size_t k = 0; k < TURNS_MAX && talks[i].turns[k].client; k++)
			starttls_feed(s, talks[i].turns[k].server, talks[i].turns[k].server_len, &said, &err);
		if (talks[i].says)
			cr_expect_eq(err.code, is_foreign ? ERROR_PROTOCOL : ERROR_STATE, "%s", err.message);
		starttls_free(s);
	}
}
