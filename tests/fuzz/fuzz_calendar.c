/*
 * tests/fuzz/fuzz_calendar.c: windows and freezes as a declaration may contain them; an input that begins with "TZif"
 * is a file of the time zone database.
 */
#include "common/alloc.h"
#include "common/calendar.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { DAY = 24 * 3600 };

static const int64_t now = 1800000000;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is found is found again. */
static void
check_next(const struct calendar *c)
{
	for (int64_t at = now; at < now + 400 * INT64_C(86400); at += 37 * DAY + 12345) {
		int64_t next = calendar_next(c, at);

		if (next < at || calendar_next(c, next) != next)
			__builtin_trap();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	struct calendar_item item = { .weekdays = 0 };

	if (size >= 4 && memcmp(data, "TZif", 4) == 0) {
		if (tz_parse(data, size, &item.tz, NULL) < 0)
			return 0;
		item.weekdays = 0x15;
		item.from = 2 * 3600;
		item.to = 3 * 3600;
		check_next(&(struct calendar){ .windows = &item, .n_windows = 1 });
	} else if (calendar_parse_window(text, &item, NULL) == 0) {
		check_next(&(struct calendar){ .windows = &item, .n_windows = 1 });
	} else if (calendar_parse_freeze(text, &item, NULL) == 0) {
		check_next(&(struct calendar){ .freezes = &item, .n_freezes = 1 });
	}
	calendar_item_clear(&item);
	return 0;
}
