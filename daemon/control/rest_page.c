/* Nothing is fetched from elsewhere, no script or style is inline, and no other site may embed the page. */
#include "daemon/control/rest_page.h"

#include "daemon/control/page_data.h"

#include <string.h>

static const char page_fields[] =
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
	"'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
	"Cross-Origin-Opener-Policy: same-origin\r\n"
	"Cross-Origin-Resource-Policy: same-origin\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"Cache-Control: no-store\r\n";

static const struct page_file {
	const char *path;
	const char *type;
	const unsigned char *data;
	size_t len;
} page_files[] = {
	{ "/", "text/html; charset=utf-8", page_html, sizeof(page_html) },
	{ "/page.js", "text/javascript; charset=utf-8", page_js, sizeof(page_js) },
	{ "/page.css", "text/css; charset=utf-8", page_css, sizeof(page_css) },
	{ "/page.svg", "image/svg+xml", page_svg, sizeof(page_svg) },
};

/* The page itself says whether a token is needed: trying without one would be an error in the browser's console. */
static void
page_add(struct buf *body, const struct page_file *file, bool needs_token)
{
	static const char by_role[] = "data-access=\"role\"", by_token[] = "data-access=\"token\"";
	const char *data = (const char *)file->data;
	const char *at = needs_token ? memmem(data, file->len, by_role, strlen(by_role)) : NULL;
	size_t before = at ? (size_t)(at - data) : 0;

	if (at) {
		buf_add(body, data, before);
		buf_add_str(body, by_token);
		before += strlen(by_role);
	}
	buf_add(body, data + before, file->len - before);
}

void
rest_page_answer(struct httpd_conn *conn, const char *type, struct buf *body)
{
	_cleanup_free_ char *fields = xasprintf("Content-Type: %s\r\n%s", type, page_fields);

	httpd_conn_answer(conn, 200, fields, body);
}

bool
rest_page(struct httpd_conn *conn, const struct httpd_head *head, bool needs_token)
{
	for (size_t i = 0; i < ARRAY_SIZE(page_files); i++) {
		struct buf body = BUF_INIT;

		if (!httpd_text_is(head->path, page_files[i].path))
			continue;
		page_add(&body, &page_files[i], needs_token);
		rest_page_answer(conn, page_files[i].type, &body);
		return true;
	}
	return false;
}
