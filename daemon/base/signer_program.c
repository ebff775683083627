/*
 * The program's half. It answers one request and ends by _exit(): modules and engines crash at the end of a process
 * more often than before it.
 */
#include "daemon/base/signer.h"

#include "common/buf.h"
#include "common/crypto/base64url.h"
#include "common/crypto/key_engine.h"
#include "common/error.h"
#include "daemon/base/signer_private.h"

#include <string.h>
#include <unistd.h>

/* Takes the first line off @input. Return: false: there is none. */
static bool
signer_take_line(struct buf *input, struct buf *ret)
{
	const char *end = input->len ? memchr(input->data, '\n', input->len) : NULL;

	if (!end || memchr(input->data, '\0', (size_t)(end - input->data)))
		return false;
	buf_add(ret, input->data, (size_t)(end - input->data));
	buf_drop(input, (size_t)(end - input->data) + 1);
	return true;
}

static int
signer_serve(struct buf *ret, struct error *err)
{
	_cleanup_buf_ struct buf input = BUF_INIT;
	_cleanup_buf_ struct buf uri = BUF_INIT;
	_cleanup_buf_ struct buf module = BUF_INIT;
	_cleanup_buf_ struct buf spki = BUF_INIT;
	_cleanup_buf_ struct buf signature = BUF_INIT;

	if (buf_read_file(&input, -1, "/dev/stdin", SIGNER_REQUEST_MAX, err) < 0)
		return -1;
	if (!signer_take_line(&input, &uri) || !signer_take_line(&input, &module))
		return error_set(err, ERROR_USAGE, "certd uses --sign itself, for keys in PKCS#11 tokens");
	if (key_engine_sign(buf_str(&uri), module.len ? buf_str(&module) : NULL, input.data, input.len, &spki,
		    &signature, err) < 0)
		return -1;
	buf_add_str(ret, "\n" SIGNER_ANSWER);
	base64url_encode(spki.data, spki.len, ret);
	buf_add_char(ret, ' ');
	base64url_encode(signature.data, signature.len, ret);
	buf_add_char(ret, '\n');
	return 0;
}

void
signer_program(void)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	int status = 0;

	if (signer_serve(&answer, &err) < 0) {
		status = SIGNER_STATUS_REFUSED;
		buf_printf(&answer, "\n%s\n", err.message);
	}
	if (buf_write_fd(&answer, status ? STDERR_FILENO : STDOUT_FILENO, NULL) < 0)
		status = SIGNER_STATUS_REFUSED;
	_exit(status);
}
