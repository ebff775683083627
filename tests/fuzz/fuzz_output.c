/* The files that a consumer declares: lines of formats, paths, modes and groups; the first line is the layout. */
#include "common/error.h"
#include "common/printable.h"
#include "daemon/rollout/output.h"

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

/* No name that leads elsewhere, is hidden, or is empty. */
static void
expect_below(const char *path)
{
	expect(path[0] != '/');
	for (const char *at = path;; at++) {
		size_t len = strcspn(at, "/");

		expect(len > 0 && len < 256 && at[0] != '.');
		at += len;
		if (!*at)
			return;
	}
}

static void
check_output(const struct output *o)
{
	static const struct output_values values[] = {
		{ .name = "www",
			.common_name = "www.example.com",
			.algorithm = "secp256r1",
			.issued_at = 1,
			.number = 2 },
		{ .name = "_.example.com",
			.common_name = "*.example.com",
			.algorithm = "rsa2048",
			.issued_at = INT64_MAX,
			.number = INT64_MAX },
		{ .name = "..", .common_name = "../../etc/passwd", .algorithm = "rsa2048" },
		{ .name = "", .common_name = "", .algorithm = "" },
	};

	expect(o->format < OUTPUT_FORMAT_COUNT && (o->mode & ~0644u) == 0 && (o->mode & 0400));
	expect(!o->group || (*o->group && !strchr(o->group, '/')));
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_free_ char *path = output_expand(o->path, &values[i]);
		_cleanup_free_ char *link = o->link ? output_expand(o->link, &values[i]) : NULL;

		if (path)
			expect_below(path);
		if (link)
			expect_below(link);
	}
	output_scope_of(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_consumer_ struct consumer c = { .layout = NULL };
	_cleanup_outputs_ struct output_list list = { .items = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;
	char *rest = text, *line = strsep(&rest, "\n");

	if (*line)
		c.layout = xstrdup(line);
	while ((line = strsep(&rest, "\n")))
		strlist_add(&c.outputs, line);
	if (output_list_of(&c, &list, &err) < 0) {
		expect(err.code == ERROR_INVALID && err.field && list.count == 0);
		return 0;
	}
	for (size_t i = 0; i < list.count; i++)
		check_output(&list.items[i]);
	output_list_has_password(&list);
	output_list_scope(&list);
	return 0;
}
