/* What HAProxy, or something else at its socket, answers. */
#include "common/alloc.h"
#include "daemon/rollout/haproxy_answer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool is_so)
{
	if (!is_so)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char path[] = "/etc/haproxy/certs/www.pem", serial[] = "1F:02:AB";
	_cleanup_free_ char *answer = xstrndup((const char *)data, size);
	_cleanup_free_ char *open = haproxy_answer_transaction(answer);
	bool has_serial = haproxy_answer_has_serial(answer, serial);

	expect(!open || (!strpbrk(open, "\r\n") && strstr(answer, open)));
	expect(has_serial == haproxy_answer_has_serial(answer, "001f02ab"));
	expect(!has_serial || !haproxy_answer_has_serial(answer, "1F:02:AC"));
	if (haproxy_answer_taken(answer, path) == HAPROXY_TAKEN)
		expect(strstr(answer, path) != NULL);
	haproxy_answer_is_known(answer);
	haproxy_answer_is_unused(answer);
	haproxy_answer_is_new(answer);
	haproxy_answer_is_success(answer);
	return 0;
}
