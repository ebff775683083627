/* Dates, Retry-After and spans as a server or an operator writes them: what is read can be written and read again. */
#include "common/alloc.h"
#include "common/retry.h"
#include "common/timefmt.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_date(int64_t at)
{
	char text[TIME_RFC3339_SIZE];
	int64_t again;

	time_format_rfc3339(at, text);
	if (time_parse_rfc3339(text, &again) < 0)
		abort();
	/* Only an offset can lead out of the four-digit years. */
	if (again != at && at >= -62167219200 && at <= 253402300799)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *input = xstrndup((const char *)data, size);
	char text[TIME_SPAN_SIZE];
	int64_t value;

	if (time_parse_rfc3339(input, &value) == 0)
		check_date(value);
	if (time_parse_http(input, &value) == 0)
		check_date(value);
	if (retry_after_read(input, 1795257000) < 0)
		abort();
	if (time_parse_span(input, &value) == 0) {
		if (value < 0)
			abort();
		time_format_span(value, text);
		if (time_parse_span(text, &value) < 0)
			abort();
	}
	return 0;
}
