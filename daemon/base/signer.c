/*
 * The caller's half: starts the program, gives it the request, and verifies what it answers, because a module may have
 * found another key than before, or sign with something else.
 */
#include "daemon/base/signer.h"

#include "common/crypto/base64url.h"
#include "common/crypto/key.h"
#include "common/error.h"
#include "common/printable.h"
#include "common/random.h"
#include "daemon/base/hook.h"
#include "daemon/base/signer_private.h"

#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 10 * 1000, CHALLENGE_OCTETS = 32, REASON_MAX = 300 };

struct signer {
	struct loop *loop;
	char *program;
	char *module;
	struct strlist env;
};

struct signing {
	struct hook *hook;
	char *uri;
	struct buf data;
	unsigned char spki_sha256[32]; /* of the expected key */
	bool has_expected;
	signer_done_fn *done;
	void *arg;
};

extern char **environ;

/* Modules find their configuration by variables. What systemd has given to certd alone is not passed on. */
static void
signer_copy_environment(struct strlist *ret)
{
	static const char *const own[] = { "CREDENTIALS_DIRECTORY=", "NOTIFY_SOCKET=", "LISTEN_", "WATCHDOG_",
		"PATH=", "LANG=" };

	for (char **variable = environ; *variable; variable++) {
		bool is_own = false;

		for (size_t i = 0; i < ARRAY_SIZE(own); i++)
			is_own |= strncmp(*variable, own[i], strlen(own[i])) == 0;
		if (!is_own)
			strlist_add(ret, *variable);
	}
}

struct signer *
signer_new(struct loop *loop, const char *program, const char *module)
{
	struct signer *signer = xcalloc(1, sizeof(*signer));

	signer->loop = loop;
	signer->program = xstrdup(program);
	signer->module = xstrdup_null(module);
	signer_copy_environment(&signer->env);
	return signer;
}

void
signer_free(struct signer *signer)
{
	if (!signer)
		return;
	strlist_clear(&signer->env);
	free(signer->program);
	free(signer->module);
	free(signer);
}

static void
signing_free(struct signing *s)
{
	buf_clear(&s->data);
	free(s->uri);
	free(s);
}

/* "signature SPKI SIGNATURE", both in base64url, in the last line: modules write to standard output as well. */
static int
signing_parse(const char *line, struct buf *ret_spki, struct buf *ret_signature, struct error *err)
{
	const size_t head = strlen(SIGNER_ANSWER);
	const char *blank = strncmp(line, SIGNER_ANSWER, head) == 0 ? strchr(line + head, ' ') : NULL;

	if (!blank)
		return error_set(err, ERROR_STATE, "the program that signs has given no answer");
	return base64url_decode(line + head, (size_t)(blank - line) - head, ret_spki, err) < 0
		       ? -1
		       : base64url_decode(blank + 1, strlen(blank + 1), ret_signature, err);
}

static int
signing_check(const struct signing *s, const struct key *key, const struct buf *signature, struct error *err)
{
	unsigned char spki_sha256[32];

	if (key_verify(key, s->data.data, s->data.len, signature, err) < 0)
		return -1;
	if (s->has_expected && (key_spki_sha256(key, spki_sha256, err) < 0 ||
				       memcmp(spki_sha256, s->spki_sha256, sizeof(spki_sha256)) != 0))
		return error_set(err, ERROR_STATE, "there is another key now");
	return 0;
}

static int
signing_read(const struct signing *s, const struct hook_result *result, struct key **ret_key, struct buf *ret_signature,
	struct error *err)
{
	_cleanup_free_ char *line = printable_last_line(buf_str(&result->out), result->out.len, SIGNER_ANSWER_MAX);
	_cleanup_buf_ struct buf spki = BUF_INIT;

	if (signing_parse(line, &spki, ret_signature, err) < 0 ||
		key_new_held(s->uri, spki.data, spki.len, ret_key, err) < 0)
		return -1;
	return signing_check(s, *ret_key, ret_signature, err);
}

static void
signing_set_failure(
	const struct signing *s, const struct hook_result *result, const struct error *why, struct error *ret)
{
	_cleanup_free_ char *line = printable_last_line(buf_str(&result->out), result->out.len, REASON_MAX);

	if (why->code == ERROR_TIMEOUT)
		error_set(
			ret, ERROR_TIMEOUT, "the token of %s has not answered within %d s", s->uri, PATIENCE_MS / 1000);
	else
		error_set(ret, ERROR_STATE, "cannot sign with %s: %s", s->uri,
			result->exit_status == SIGNER_STATUS_REFUSED && *line ? line : why->message);
}

static void
signing_ended(const struct hook_result *result, const struct error *err, void *arg)
{
	struct signing *s = arg;
	signer_done_fn *done = s->done;
	void *done_arg = s->arg;
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_key_ struct key *key = NULL;
	_cleanup_buf_ struct buf signature = BUF_INIT;

	if (err)
		signing_set_failure(s, result, err, &why);
	else if (signing_read(s, result, &key, &signature, &why) < 0) {
		why.code = ERROR_STATE;
		error_wrap(&why, "cannot sign with %s", s->uri);
	}
	signing_free(s);
	if (error_is_set(&why))
		done(NULL, NULL, &why, done_arg);
	else
		done(key, &signature, NULL, done_arg);
}

static struct signing *
signing_start(struct signer *signer, struct signing *s, const char *uri, const void *data, size_t len)
{
	_cleanup_strlist_ struct strlist argv = STRLIST_INIT;
	_cleanup_buf_ struct buf input = BUF_INIT;

	s->uri = xstrdup(uri);
	buf_add(&s->data, data, len);
	buf_printf(&input, "%s\n%s\n", uri, signer->module ? signer->module : "");
	buf_add(&input, data, len);
	strlist_add(&argv, signer->program);
	strlist_add(&argv, "--sign");
	s->hook = hook_start_with_input(signer->loop, &argv, &signer->env, &input, PATIENCE_MS, signing_ended, s);
	return s;
}

static struct signing *
signing_new(signer_done_fn *done, void *arg)
{
	struct signing *s = xcalloc(1, sizeof(*s));

	s->done = done;
	s->arg = arg;
	return s;
}

struct signing *
signer_find(struct signer *signer, const char *uri, signer_done_fn *done, void *arg)
{
	unsigned char challenge[CHALLENGE_OCTETS];

	random_octets(challenge, sizeof(challenge));
	return signing_start(signer, signing_new(done, arg), uri, challenge, sizeof(challenge));
}

struct signing *
signer_sign(struct signer *signer, const struct key *key, const void *data, size_t len, signer_done_fn *done, void *arg)
{
	struct signing *s = signing_new(done, arg);

	s->has_expected = true;
	if (key_spki_sha256(key, s->spki_sha256, NULL) < 0)
		memset(s->spki_sha256, 0, sizeof(s->spki_sha256)); /* no key has it: the answer is refused */
	return signing_start(signer, s, key_place(key), data, len);
}

void
signer_cancel(struct signing *signing)
{
	if (!signing)
		return;
	hook_cancel(signing->hook);
	signing_free(signing);
}
