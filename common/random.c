#include "common/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void
random_octets(void *ret, size_t len)
{
	unsigned char *at = ret;

	while (len) {
		ssize_t n = getrandom(at, len, 0);

		if (n < 0 && errno != EINTR)
			abort(); /* a kernel before 3.17 */
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
}
