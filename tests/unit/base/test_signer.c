/* The program that signs is a script of the test: certd must believe nothing that it says without looking. */
#include "daemon/base/signer.h"

#include "common/crypto/base64url.h"
#include "common/crypto/key.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define URI "pkcs11:token=tls;object=www"
#define DATA "what is signed"

struct rig {
	char *root, *program;
	struct clock *clock;
	struct loop *loop;
	struct signer *signer;
	struct key *key, *held, *other;
	struct buf answer; /* "signature ..." by @key */
	struct error err;
	struct buf signature;
	unsigned ended;
};

static struct key *
hold(const struct key *key)
{
	_cleanup_buf_ struct buf spki = BUF_INIT;
	struct key *held = NULL;

	cr_assert_eq(key_spki(key, &spki, NULL), 0);
	cr_assert_eq(key_new_held(URI, spki.data, spki.len, &held, NULL), 0);
	return held;
}

/* The line that says that @signer signed DATA and has the public half of @shown. */
static void
make_answer(const struct key *signer, const struct key *shown, struct buf *ret)
{
	_cleanup_buf_ struct buf spki = BUF_INIT, signature = BUF_INIT;

	cr_assert_eq(key_spki(shown, &spki, NULL), 0);
	cr_assert_eq(key_sign(signer, DATA, strlen(DATA), &signature, NULL), 0);
	buf_add_str(ret, "signature ");
	base64url_encode(spki.data, spki.len, ret);
	buf_add_char(ret, ' ');
	base64url_encode(signature.data, signature.len, ret);
}

static void
rig_init(struct rig *r)
{
	*r = (struct rig){ .clock = clock_new_real() };
	CRYPTO_secure_malloc_init(1 << 20, 64);
	r->root = scratch_new();
	r->program = xasprintf("%s/signer", r->root);
	r->loop = loop_new(r->clock);
	r->signer = signer_new(r->loop, r->program, "/module.so");
	cr_assert_eq(key_generate(KEY_SECP256R1, &r->key, NULL), 0);
	cr_assert_eq(key_generate(KEY_SECP256R1, &r->other, NULL), 0);
	r->held = hold(r->key);
	make_answer(r->key, r->key, &r->answer);
}

static void
rig_clear(struct rig *r)
{
	signer_free(r->signer);
	loop_free(r->loop);
	clock_free(r->clock);
	key_free(r->key);
	key_free(r->held);
	key_free(r->other);
	buf_clear(&r->answer);
	buf_clear(&r->signature);
	error_clear(&r->err);
	free(r->program);
	scratch_remove(&r->root);
}

static void
write_program(const struct rig *r, const char *script)
{
	int fd = open(r->program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	cr_assert_geq(fd, 0);
	cr_assert_gt(dprintf(fd, "#!/bin/sh\n%s\n", script), 0);
	close(fd);
}

static void
on_signed(const struct key *key, const struct buf *signature, const struct error *err, void *arg)
{
	struct rig *r = arg;

	r->ended++;
	cr_expect_eq(!key, !!err);
	error_clear(&r->err);
	buf_reset(&r->signature);
	if (err)
		error_copy(&r->err, err);
	else
		buf_add(&r->signature, signature->data, signature->len);
	loop_stop(r->loop);
}

static void
sign(struct rig *r, const char *script)
{
	write_program(r, script);
	signer_sign(r->signer, r->held, DATA, strlen(DATA), on_signed, r);
	cr_assert_eq(loop_run(r->loop, NULL), 0);
}

Test(signer, the_program_gets_the_uri_the_module_and_the_octets)
{
	_cleanup_free_ char *script = NULL, *seen = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct rig r;

	rig_init(&r);
	seen = xasprintf("%s/seen", r.root);
	script = xasprintf("{ echo \"$*\"; cat; } >%s; echo noise; echo '%s'", seen, buf_str(&r.answer));
	sign(&r, script);
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	cr_expect_eq(key_verify(r.key, DATA, strlen(DATA), &r.signature, NULL), 0);
	cr_assert_eq(buf_read_file(&text, AT_FDCWD, seen, 4096, NULL), 0);
	cr_expect_str_eq(buf_str(&text), "--sign\n" URI "\n/module.so\n" DATA);
	rig_clear(&r);
}

Test(signer, what_the_program_says_is_verified)
{
	_cleanup_buf_ struct buf by_another = BUF_INIT, of_another = BUF_INIT;
	struct rig r;

	rig_init(&r);
	make_answer(r.other, r.key, &by_another);
	make_answer(r.other, r.other, &of_another);
	const struct {
		const char *answer, *why;
	} cases[] = {
		{ buf_str(&by_another), "the signature is not of the public key" },
		{ buf_str(&of_another), "there is another key now" },
		{ "signature", "has given no answer" },
		{ "signature AAAA", "has given no answer" },
		{ "signature AAAA AAAA", "the public key is not readable" },
		{ "signature !!!! AAAA", "" },
		{ "", "has given no answer" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *script = xasprintf("echo '%s'", cases[i].answer);

		sign(&r, script);
		cr_assert_eq(r.err.code, ERROR_STATE, "%s: %s", cases[i].answer, r.err.message);
		cr_expect(strstr(r.err.message, "cannot sign with " URI ": ") && strstr(r.err.message, cases[i].why),
			"%s", r.err.message);
	}
	rig_clear(&r);
}

Test(signer, a_refusal_has_the_tokens_own_words)
{
	static const struct {
		const char *script, *message;
	} cases[] = {
		{ "echo noise; echo 'PIN incorrect' >&2; exit 1", "cannot sign with " URI ": PIN incorrect" },
		{ "kill -SEGV $$", "was killed by signal 11" },
		{ "exit 3", "ended with status 3" },
	};
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		sign(&r, cases[i].script);
		cr_expect_eq(r.err.code, ERROR_STATE);
		cr_expect(strstr(r.err.message, cases[i].message), "%s", r.err.message);
	}
	rig_clear(&r);
}

Test(signer, a_key_is_found_by_a_signature_of_something_new)
{
	struct rig r;

	rig_init(&r);
	write_program(&r, "cat >>\"$0.asked\"; exit 1");
	for (int i = 0; i < 2; i++) {
		signer_find(r.signer, URI, on_signed, &r);
		cr_assert_eq(loop_run(r.loop, NULL), 0);
	}
	_cleanup_free_ char *path = xasprintf("%s.asked", r.program);
	_cleanup_buf_ struct buf asked = BUF_INIT;
	size_t half;

	cr_assert_eq(buf_read_file(&asked, AT_FDCWD, path, 4096, NULL), 0);
	half = asked.len / 2;
	cr_expect_eq(half, strlen(URI "\n/module.so\n") + 32);
	cr_expect_neq(memcmp(asked.data + half - 32, asked.data + 2 * half - 32, 32), 0);
	rig_clear(&r);
}

Test(signer, a_cancelled_one_ends_without_a_word)
{
	struct rig r;

	rig_init(&r);
	write_program(&r, "exec sleep 60");
	signer_cancel(signer_sign(r.signer, r.held, DATA, strlen(DATA), on_signed, &r));
	signer_cancel(NULL);
	cr_expect_eq(r.ended, 0);
	rig_clear(&r);
}

/* The module may need HOME, SOFTHSM2_CONF or the like: all but what is certd's own is passed on. */
Test(signer, the_program_gets_the_environment)
{
	_cleanup_free_ char *script = NULL, *seen = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct rig r;

	setenv("SOFTHSM2_CONF", "/etc/softhsm2.conf", 1);
	rig_init(&r);
	seen = xasprintf("%s/seen", r.root);
	script = xasprintf("cat >/dev/null; echo \"$SOFTHSM2_CONF\" >%s; echo '%s'", seen, buf_str(&r.answer));
	sign(&r, script);
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	cr_assert_eq(buf_read_file(&text, AT_FDCWD, seen, 4096, NULL), 0);
	cr_expect_str_eq(buf_str(&text), "/etc/softhsm2.conf\n");
	rig_clear(&r);
}
