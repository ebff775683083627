/* What a stranger can send to the REST listeners before a token is required: head, path and query. */
#include "common/error.h"
#include "daemon/base/httpd_head.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_inside(struct httpd_text text, const char *data, size_t size)
{
	if (text.data && text.len && (text.data < data || text.data + text.len > data + size))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	_cleanup_strlist_ struct strlist segments = STRLIST_INIT;
	struct httpd_query query = { .names = STRLIST_INIT };
	struct httpd_head head;

	if (!httpd_head_parse(text, size, 1000, &head))
		return 0;
	if ((head.status == 200) != (head.why == NULL) || head.body_len > 1000)
		abort();
	if (head.status != 200)
		return 0;
	if (head.len == 0 || head.len > size || head.path.len == 0 || head.path.data[0] != '/')
		abort();
	expect_inside(head.method, text, size);
	expect_inside(head.query, text, size);
	expect_inside(head.host, text, size);
	expect_inside(head.authorization, text, size);
	if (httpd_path_split(head.path, &segments, NULL) == 0 && segments.count == 0)
		abort();
	if (httpd_query_split(head.query, &query, NULL) == 0 && query.names.count != query.values.count)
		abort();
	httpd_query_get(&query, "offset");
	httpd_query_clear(&query);
	return 0;
}
