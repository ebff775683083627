/* Finding PEM blocks. What is in them is the business of whoever decodes them; nothing is copied here. */
#include "common/crypto/pem.h"

#include <string.h>

static const char BEGIN[] = "-----BEGIN ";
static const char DASHES[] = "-----";
static const char PRIVATE_KEY[] = "PRIVATE KEY";

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

bool
pem_is_certificate(const struct pem_block *block)
{
	static const char LABEL[] = "CERTIFICATE";

	return block->label_len == sizeof(LABEL) - 1 && memcmp(block->label, LABEL, sizeof(LABEL) - 1) == 0;
}

bool
pem_is_private_key(const struct pem_block *block)
{
	size_t len = sizeof(PRIVATE_KEY) - 1;

	return block->label_len >= len &&
	       memcmp(block->label + block->label_len - len, PRIVATE_KEY, len) == 0;
}
