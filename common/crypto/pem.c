/* Finding PEM blocks, and writing them in canonical form. Their decoder validates the content. */
#include "common/crypto/pem.h"

#include <string.h>

static const char BEGIN[] = "-----BEGIN ";
static const char DASHES[] = "-----";
static const char CERTIFICATE[] = "CERTIFICATE";
static const char PRIVATE_KEY[] = "PRIVATE KEY";

enum { LINE_LEN = 64 }; /* RFC 7468 s2 */

static const char *
pem_find(const char *p, const char *end, const char *what, size_t len)
{
	return p < end ? memmem(p, (size_t)(end - p), what, len) : NULL;
}

/* Behind "-----END <label>-----", or NULL. */
static const char *
block_end(const char *p, const char *end, const struct pem_block *block)
{
	static const char END[] = "-----END ";

	while ((p = pem_find(p, end, END, sizeof(END) - 1))) {
		p += sizeof(END) - 1;
		if ((size_t)(end - p) >= block->label_len + sizeof(DASHES) - 1 &&
			memcmp(p, block->label, block->label_len) == 0 &&
			memcmp(p + block->label_len, DASHES, sizeof(DASHES) - 1) == 0)
			return p + block->label_len + sizeof(DASHES) - 1;
	}
	return NULL;
}

int
pem_next(const char **p, const char *end, struct pem_block *ret)
{
	const char *begin = pem_find(*p, end, BEGIN, sizeof(BEGIN) - 1);
	const char *label_end, *after;

	if (!begin)
		return 0;
	ret->text = begin;
	ret->label = begin + sizeof(BEGIN) - 1;
	label_end = pem_find(ret->label, end, DASHES, sizeof(DASHES) - 1);
	if (!label_end || memchr(ret->label, '\n', (size_t)(label_end - ret->label)))
		return -1;
	ret->label_len = (size_t)(label_end - ret->label);
	after = block_end(label_end, end, ret);
	if (!after)
		return -1;
	ret->len = (size_t)(after - begin);
	*p = after;
	return 1;
}

static bool
pem_has_label(const struct pem_block *block, const char *label)
{
	return block->label_len == strlen(label) && memcmp(block->label, label, block->label_len) == 0;
}

bool
pem_is_certificate(const struct pem_block *block)
{
	return pem_has_label(block, CERTIFICATE) || pem_has_label(block, "X509 CERTIFICATE");
}

bool
pem_is_pkcs7(const struct pem_block *block)
{
	return pem_has_label(block, "PKCS7") || pem_has_label(block, "PKCS #7 SIGNED DATA");
}

bool
pem_is_private_key(const struct pem_block *block)
{
	size_t len = sizeof(PRIVATE_KEY) - 1;

	return block->label_len >= len && memcmp(block->label + block->label_len - len, PRIVATE_KEY, len) == 0;
}

/* --- writing --- */

struct pem_writer {
	char *start, *p;
	size_t column;
	bool has_headers, has_body;
};

static void
pem_put(struct pem_writer *w, const void *text, size_t len)
{
	memcpy(w->p, text, len);
	w->p += len;
}

static void
pem_put_edge(struct pem_writer *w, const char *edge, const char *label, size_t label_len)
{
	pem_put(w, edge, strlen(edge));
	pem_put(w, label, label_len);
	pem_put(w, "-----\n", sizeof(DASHES));
}

/* The length of a line end at @p: CR, LF, or one of them as a backslash escape; 0: none. */
static size_t
pem_line_end(const char *p, const char *end)
{
	if (*p == '\n' || *p == '\r')
		return 1;
	return *p == '\\' && end - p > 1 && (p[1] == 'n' || p[1] == 'r') ? 2 : 0;
}

static bool
pem_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* "Proc-Type: 4,ENCRYPTED" (RFC 1421 s4.6): letters, digits and the characters between them. */
static bool
pem_is_header(const char *line, size_t len)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-:, ";

	for (size_t i = 0; i < len; i++)
		if (!line[i] || !strchr(allowed, line[i]))
			return false;
	return true;
}

/* Return: false: not base64. */
static bool
pem_put_body(struct pem_writer *w, const char *line, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

	for (size_t i = 0; i < len; i++) {
		if (pem_is_blank(line[i]))
			continue;
		if (!line[i] || !strchr(alphabet, line[i]))
			return false;
		if (w->column == LINE_LEN || (w->has_headers && !w->has_body)) {
			pem_put(w, "\n", 1);
			w->column = 0;
		}
		pem_put(w, line + i, 1);
		w->has_body = true;
		w->column++;
	}
	return true;
}

static bool
pem_put_line(struct pem_writer *w, const char *line, size_t len)
{
	while (len && pem_is_blank(*line)) {
		line++;
		len--;
	}
	while (len && pem_is_blank(line[len - 1]))
		len--;
	if (w->has_body || !memchr(line, ':', len))
		return pem_put_body(w, line, len);
	if (!pem_is_header(line, len))
		return false;
	pem_put(w, line, len);
	pem_put(w, "\n", 1);
	w->has_headers = true;
	return true;
}

static bool
pem_is_label(const struct pem_block *block)
{
	for (size_t i = 0; i < block->label_len; i++)
		if (!block->label[i] || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 #", block->label[i]))
			return false;
	return true;
}

size_t
pem_write(const struct pem_block *block, char *ret)
{
	struct pem_writer w = { .start = ret, .p = ret };
	const char *label = pem_is_certificate(block) ? CERTIFICATE : block->label;
	size_t label_len = label == CERTIFICATE ? sizeof(CERTIFICATE) - 1 : block->label_len;
	const char *p = block->label + block->label_len + sizeof(DASHES) - 1;
	const char *end = block->text + block->len - (sizeof("-----END -----") - 1) - block->label_len;

	if (!pem_is_label(block))
		return 0;
	pem_put_edge(&w, BEGIN, label, label_len);
	while (p < end) {
		const char *line = p;

		while (p < end && !pem_line_end(p, end))
			p++;
		if (!pem_put_line(&w, line, (size_t)(p - line)))
			return 0;
		if (p < end)
			p += pem_line_end(p, end);
	}
	if (!w.has_body)
		return 0;
	pem_put(&w, "\n", 1);
	pem_put_edge(&w, "-----END ", label, label_len);
	return (size_t)(w.p - w.start);
}
