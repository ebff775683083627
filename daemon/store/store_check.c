/*
 * The format of LMDB 0.9's data file (lmdb.h hides it): numbers in the host's byte order, pages of one size.
 *
 *   page      number (8) pad (2) flags (2) lower (2) upper (2); of an overflow page, count (4) for the last two
 *   branch    after the head: offsets (2 each, up to lower) of nodes, which fill the page from upper to its end
 *   leaf      likewise
 *   node      low (2) high (2) flags (2) key length (2) key; a branch's: page number = low, high and flags; a leaf's:
 *             value length = low and high, then the value; or the number of its first overflow page (BIGDATA)
 *   meta      pages 0 and 1: magic (4) version (4) address (8) map size (8) database free, main; last page (8)
 *             transaction (8). Transaction n is written to page n & 1; the newer one counts.
 *   database  pad (4) flags (2) depth (2) branch, leaf and overflow pages, entries (8 each) root (8; all ones: empty)
 *   free      transaction (8) -> count (8) and as many page numbers (8 each), falling
 *   main      name -> database (SUBDATA)
 *
 * Each page is marked and visited at most once, so the walk ends however damaged the file is.
 */
#include "daemon/store/store_check.h"

#include "common/error.h"
#include "daemon/store/store.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIGDATA = 1, NODE_SUBDATA = 2 };
enum { PAGE_HEAD = 16, NODE_HEAD = 8, DB_SIZE = 48, META_SIZE = 136, KEY_MAX = 511, DEPTH_MAX = 32, NUMBER = 8 };
enum { PAGE_SIZE_LEAST = 512, PAGE_SIZE_MOST = 32768, FREE_FLAGS = 8 /* MDB_INTEGERKEY */ };

#define META_MAGIC 0xBEEFC0DEu
#define NO_PAGE UINT64_MAX

/* Of a database, as its record says; and counted. */
struct totals {
	uint64_t branch_pages, leaf_pages, overflow_pages, entries;
};

struct octets {
	const unsigned char *data;
	size_t len;
};

struct tree {
	struct octets name; /* of one of ours */
	uint64_t root;
	unsigned flags, depth;
	struct totals said, found;
};

struct check {
	const char *dir;
	const unsigned char *map;
	size_t page_size;
	size_t value_max;
	uint64_t last_page;
	unsigned char *is_taken; /* one for each page */
	unsigned char *is_node;  /* two octets of a page each; for one page */
	struct octets *subs;     /* databases in the main one: name and record in turn; in the map */
	size_t n_subs;
	store_visit_fn *visit; /* or NULL */
	void *arg;
	struct error *err;
};

/* Which database's leaves are being looked at. */
enum role { ROLE_FREE, ROLE_MAIN, ROLE_OURS };

struct page {
	const unsigned char *at;
	uint64_t number;
	unsigned flags;
	size_t n_nodes;
};

struct node {
	struct octets key;
	struct octets value; /* of a leaf; in the map, wherever it is */
	uint64_t child;      /* of a branch */
	unsigned flags;
};

static unsigned
number16(const unsigned char *at)
{
	uint16_t n;

	memcpy(&n, at, sizeof(n));
	return n;
}

static uint32_t
number32(const unsigned char *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof(n));
	return n;
}

static uint64_t
number64(const unsigned char *at)
{
	uint64_t n;

	memcpy(&n, at, sizeof(n));
	return n;
}

static int _printf_(3, 4) check_fail(const struct check *c, uint64_t page, const char *fmt, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	return error_set(c->err, ERROR_CORRUPT, "store '%s': data.mdb is damaged: page %llu %s; " STORE_DAMAGE_ADVICE,
		c->dir, (unsigned long long)page, what);
}

/* @count pages from @first on belong to something. */
static int
check_take(struct check *c, uint64_t from, uint64_t first, uint64_t count)
{
	if (first < 2 || first > c->last_page || count > c->last_page + 1 - first)
		return check_fail(
			c, from, "leads to page %llu, which is outside of the file", (unsigned long long)first);
	for (uint64_t i = first; i < first + count; i++) {
		if (c->is_taken[i])
			return check_fail(c, i, "is in use twice");
		c->is_taken[i] = 1;
	}
	return 0;
}

static const unsigned char *
page_at(const struct check *c, uint64_t number)
{
	return c->map + number * c->page_size;
}

/* --- nodes --- */

static int
order(enum role role, struct octets a, struct octets b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int diff;

	if (role == ROLE_FREE && a.len == NUMBER && b.len == NUMBER)
		return (number64(a.data) > number64(b.data)) - (number64(a.data) < number64(b.data));
	diff = common ? memcmp(a.data, b.data, common) : 0;
	return diff ? diff : (a.len > b.len) - (a.len < b.len);
}

/* The value of a leaf's node that has pages of its own. */
static int
check_overflow(struct check *c, struct tree *t, const struct page *p, const unsigned char *at, struct node *ret)
{
	uint64_t first = number64(at);
	uint64_t least = (PAGE_HEAD - 1 + ret->value.len) / c->page_size + 1;
	const unsigned char *head;
	uint64_t count;

	if (first < 2 || first > c->last_page)
		return check_fail(
			c, p->number, "has a value on page %llu, outside of the file", (unsigned long long)first);
	head = page_at(c, first);
	count = number32(head + 12);
	if (number64(head) != first || number16(head + 10) != PAGE_OVERFLOW || count < least)
		return check_fail(
			c, first, "does not contain the value that page %llu refers to", (unsigned long long)p->number);
	ret->value.data = head + PAGE_HEAD;
	t->found.overflow_pages += count;
	return check_take(c, p->number, first, count);
}

/* Nodes do not overlap, and leave no gap. */
static int
check_room(struct check *c, const struct page *p, size_t offset, size_t len, size_t *ret_sum)
{
	len = (len + 1) & ~(size_t)1;
	if (offset + len > c->page_size)
		return check_fail(c, p->number, "has a record that exceeds it");
	if (memchr(c->is_node + offset / 2, 1, len / 2))
		return check_fail(c, p->number, "has records that overlap");
	memset(c->is_node + offset / 2, 1, len / 2);
	*ret_sum += len;
	return 0;
}

static int
check_leaf_node(const struct check *c, enum role role, const struct page *p, const unsigned char *at, struct node *ret)
{
	static const unsigned allowed[] = {
		[ROLE_FREE] = NODE_BIGDATA, [ROLE_MAIN] = NODE_SUBDATA, [ROLE_OURS] = NODE_BIGDATA
	};

	ret->value.len = number16(at) | (size_t)number16(at + 2) << 16;
	ret->value.data = at + NODE_HEAD + ret->key.len;
	if ((ret->flags & ~allowed[role]) || ret->key.len == 0)
		return check_fail(c, p->number, "has a record of an unknown kind");
	if (role == ROLE_OURS && ret->value.len > c->value_max)
		return check_fail(c, p->number, "has a record of %zu octets", ret->value.len);
	return 0;
}

/* Fills @ret and adds what the node takes of its page to @sum. */
static int
check_node(
	struct check *c, struct tree *t, enum role role, const struct page *p, size_t i, struct node *ret, size_t *sum)
{
	size_t offset = number16(p->at + PAGE_HEAD + 2 * i);
	const unsigned char *at = p->at + offset;
	size_t len;

	if (offset < number16(p->at + 14) || offset + NODE_HEAD > c->page_size || offset % 2)
		return check_fail(c, p->number, "has a record outside of it");
	*ret = (struct node){ .key = { at + NODE_HEAD, number16(at + 6) }, .flags = number16(at + 4) };
	len = NODE_HEAD + ret->key.len;
	if (ret->key.len > KEY_MAX || offset + len > c->page_size)
		return check_fail(c, p->number, "has a key of %zu octets", ret->key.len);
	if (p->flags == PAGE_BRANCH) {
		ret->child = number16(at) | (uint64_t)number16(at + 2) << 16 | (uint64_t)ret->flags << 32;
		return check_room(c, p, offset, len, sum);
	}
	if (check_leaf_node(c, role, p, at, ret) < 0)
		return -1;
	if (!(ret->flags & NODE_BIGDATA))
		return check_room(c, p, offset, len + ret->value.len, sum);
	return check_room(c, p, offset, len + NUMBER, sum) < 0 ? -1 : check_overflow(c, t, p, at + len, ret);
}

/* --- what leaves hold --- */

static int
check_free_list(struct check *c, const struct page *p, const struct node *node)
{
	uint64_t count = node->value.len >= NUMBER ? number64(node->value.data) : NO_PAGE;
	uint64_t before = NO_PAGE;

	if (node->key.len != NUMBER || count > node->value.len / NUMBER - 1)
		return check_fail(c, p->number, "has a damaged list of free pages");
	for (uint64_t i = 1; i <= count; i++) {
		uint64_t number = number64(node->value.data + i * NUMBER);

		if (number >= before)
			return check_fail(c, p->number, "has a list of free pages that is not in order");
		before = number;
		if (check_take(c, p->number, number, 1) < 0)
			return -1;
	}
	return 0;
}

static int
check_sub(struct check *c, const struct page *p, const struct node *node)
{
	if (!(node->flags & NODE_SUBDATA) || node->value.len != DB_SIZE)
		return check_fail(c, p->number, "has a damaged record of a database");
	c->subs = xreallocarray(c->subs, c->n_subs + 2, sizeof(*c->subs));
	c->subs[c->n_subs++] = node->key;
	c->subs[c->n_subs++] = node->value;
	return 0;
}

static int
store_check_record(struct check *c, const struct tree *t, enum role role, const struct page *p, const struct node *node)
{
	if (role == ROLE_FREE)
		return check_free_list(c, p, node);
	if (role == ROLE_MAIN)
		return check_sub(c, p, node);
	if (c->visit)
		c->visit((const char *)t->name.data, t->name.len, node->key.data, node->key.len, node->value.data,
			node->value.len, c->arg);
	return 0;
}

/* --- trees --- */

/* The part of a tree below one page: its keys are from @low on and below @end; data NULL: unbounded. */
struct part {
	uint64_t from; /* the page that led here */
	uint64_t number;
	unsigned level; /* 1: the root */
	struct octets low, end;
};

static int
check_page(struct check *c, const struct tree *t, const struct part *part, struct page *ret)
{
	unsigned wanted = part->level < t->depth ? PAGE_BRANCH : PAGE_LEAF;
	size_t lower, upper;

	if (check_take(c, part->from, part->number, 1) < 0)
		return -1;
	*ret = (struct page){ .at = page_at(c, part->number), .number = part->number };
	lower = number16(ret->at + 12);
	upper = number16(ret->at + 14);
	ret->flags = number16(ret->at + 10);
	if (number64(ret->at) != part->number)
		return check_fail(c, part->number, "claims to be page %llu", (unsigned long long)number64(ret->at));
	if (ret->flags != wanted)
		return check_fail(c, part->number, "is not the kind of page that page %llu leads to",
			(unsigned long long)part->from);
	if (lower < PAGE_HEAD || lower % 2 || lower > upper || upper > c->page_size)
		return check_fail(c, part->number, "has a damaged header");
	ret->n_nodes = (lower - PAGE_HEAD) / 2;
	return 0;
}

static int
check_part(struct check *c, struct tree *t, enum role role, const struct part *part);

/* All nodes of a page that is sound so far; @nodes: one for each. */
static int
check_nodes(struct check *c, struct tree *t, enum role role, const struct part *part, const struct page *p,
	struct node *nodes)
{
	size_t sum = 0;

	memset(c->is_node, 0, c->page_size / 2);
	for (size_t i = 0; i < p->n_nodes; i++) {
		bool has_key = p->flags == PAGE_LEAF || i > 0; /* the first one of a branch is never looked at */

		if (check_node(c, t, role, p, i, &nodes[i], &sum) < 0)
			return -1;
		if (has_key && ((part->low.data && order(role, nodes[i].key, part->low) < 0) ||
				       (part->end.data && order(role, nodes[i].key, part->end) >= 0)))
			return check_fail(c, p->number, "has a key that belongs to another page");
		if (has_key && i > (p->flags == PAGE_BRANCH) && order(role, nodes[i - 1].key, nodes[i].key) >= 0)
			return check_fail(c, p->number, "has keys that are not in order");
	}
	if (sum != c->page_size - number16(p->at + 14))
		return check_fail(c, p->number, "has a gap between its records");
	return 0;
}

static int
check_branch(struct check *c, struct tree *t, enum role role, const struct part *part, const struct page *p,
	const struct node *nodes)
{
	t->found.branch_pages++;
	if (p->n_nodes < (role == ROLE_FREE ? 1 : 2))
		return check_fail(c, p->number, "has too few records");
	for (size_t i = 0; i < p->n_nodes; i++) {
		const struct part below = { .from = p->number,
			.number = nodes[i].child,
			.level = part->level + 1,
			.low = i ? nodes[i].key : part->low,
			.end = i + 1 < p->n_nodes ? nodes[i + 1].key : part->end };

		if (check_part(c, t, role, &below) < 0)
			return -1;
	}
	return 0;
}

static int
check_leaf(struct check *c, struct tree *t, enum role role, const struct page *p, const struct node *nodes)
{
	t->found.leaf_pages++;
	t->found.entries += p->n_nodes;
	if (!p->n_nodes)
		return check_fail(c, p->number, "has no records");
	for (size_t i = 0; i < p->n_nodes; i++)
		if (store_check_record(c, t, role, p, &nodes[i]) < 0)
			return -1;
	return 0;
}

static int
check_part(struct check *c, struct tree *t, enum role role, const struct part *part)
{
	_cleanup_free_ struct node *nodes = NULL;
	struct page page;

	if (check_page(c, t, part, &page) < 0)
		return -1;
	nodes = xcalloc(page.n_nodes + 1, sizeof(*nodes));
	if (check_nodes(c, t, role, part, &page, nodes) < 0)
		return -1;
	return page.flags == PAGE_BRANCH ? check_branch(c, t, role, part, &page, nodes)
					 : check_leaf(c, t, role, &page, nodes);
}

static int
check_tree(struct check *c, uint64_t from, struct octets name, const unsigned char *record, enum role role)
{
	struct tree t = { .name = name,
		.flags = number16(record + 4),
		.depth = number16(record + 6),
		.root = number64(record + 40) };
	const struct part all = { .from = from, .number = t.root, .level = 1 };

	t.said = (struct totals){ number64(record + 8), number64(record + 16), number64(record + 24),
		number64(record + 32) };
	if ((t.flags & 0xff) != (role == ROLE_FREE ? FREE_FLAGS : 0) || t.depth > DEPTH_MAX ||
		(t.depth == 0) != (t.root == NO_PAGE))
		return check_fail(c, from, "leads to a database with a damaged record");
	if (t.root != NO_PAGE && check_part(c, &t, role, &all) < 0)
		return -1;
	if (memcmp(&t.said, &t.found, sizeof(t.said)) != 0)
		return check_fail(c, t.root == NO_PAGE ? from : t.root,
			"has more or fewer pages or records below it than is recorded");
	return 0;
}

/* --- the file --- */

static int
check_meta(const struct check *c, uint64_t number)
{
	const unsigned char *at = page_at(c, number);

	if (number64(at) != number || number16(at + 10) != PAGE_META || number32(at + PAGE_HEAD) != META_MAGIC ||
		number32(at + PAGE_HEAD + 24) != c->page_size)
		return check_fail(c, number, "is not a meta page");
	return 0;
}

static uint64_t
transaction_of(const struct check *c, uint64_t meta)
{
	return number64(page_at(c, meta) + PAGE_HEAD + META_SIZE - NUMBER);
}

/* Transactions are written to the two pages in turn. */
static int
find_meta(const struct check *c, uint64_t *ret)
{
	uint64_t even = transaction_of(c, 0), odd = transaction_of(c, 1);

	*ret = odd > even;
	if (even == 0 && odd == 0)
		return 0; /* nothing was written yet */
	if (even % 2 || (odd && odd % 2 == 0) || (odd > even ? odd - even : even - odd) != 1)
		return check_fail(c, *ret, "has a damaged number of its transaction");
	return 0;
}

static int
check_trees(struct check *c, uint64_t meta)
{
	const unsigned char *dbs = page_at(c, meta) + PAGE_HEAD + 24;
	const struct octets none = { NULL, 0 };

	if (check_tree(c, meta, none, dbs, ROLE_FREE) < 0 || check_tree(c, meta, none, dbs + DB_SIZE, ROLE_MAIN) < 0)
		return -1;
	for (size_t i = 0; i < c->n_subs; i += 2)
		if (check_tree(c, meta, c->subs[i], c->subs[i + 1].data, ROLE_OURS) < 0)
			return -1;
	return 0;
}

static int
check_short(const struct check *c, size_t size, uint64_t used)
{
	return error_set(c->err, ERROR_CORRUPT,
		"store '%s': data.mdb was cut off: %zu octets where %llu were written; " STORE_DAMAGE_ADVICE, c->dir,
		size, (unsigned long long)used);
}

static int
check_pages(struct check *c, size_t size)
{
	uint64_t meta;
	uint64_t used;

	if (check_meta(c, 0) < 0 || check_meta(c, 1) < 0 || find_meta(c, &meta) < 0)
		return -1;
	c->last_page = number64(page_at(c, meta) + PAGE_HEAD + META_SIZE - 2 * NUMBER);
	if (c->last_page < 1 || c->last_page >= UINT64_MAX / c->page_size)
		return check_fail(c, meta, "has a damaged number of pages");
	used = (c->last_page + 1) * c->page_size;
	if (size < used)
		return check_short(c, size, used);
	c->is_taken = xcalloc(c->last_page + 1, 1);
	c->is_node = xmalloc(c->page_size / 2);
	return check_trees(c, meta);
}

int
store_check_octets(const char *dir, const void *map, size_t size, size_t value_max, store_visit_fn *visit, void *arg,
	struct error *err)
{
	struct check c = { .dir = dir, .map = map, .value_max = value_max, .visit = visit, .arg = arg, .err = err };
	int rc;

	if (size < PAGE_SIZE_LEAST)
		return check_short(&c, size, 2 * PAGE_SIZE_LEAST);
	c.page_size = number32(c.map + PAGE_HEAD + 24);
	if (c.page_size < PAGE_SIZE_LEAST || c.page_size > PAGE_SIZE_MOST || (c.page_size & (c.page_size - 1)))
		return check_fail(&c, 0, "is not a meta page");
	if (size < 2 * c.page_size)
		return check_short(&c, size, 2 * c.page_size);
	rc = check_pages(&c, size);
	free(c.is_taken);
	free(c.is_node);
	free(c.subs);
	return rc;
}

/* Eight octets at a time, each step a bijection of what came before. */
static uint64_t
sum_octets(uint64_t sum, const unsigned char *at, size_t len)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);

	sum += len;
	while (len) {
		uint64_t part = 0;
		size_t step = len < sizeof(part) ? len : sizeof(part);

		memcpy(&part, at, step);
		sum = (sum ^ part) * odd;
		sum ^= sum >> 29;
		at += step;
		len -= step;
	}
	return sum;
}

uint64_t
store_check_sum(const void *key, size_t key_len, const void *value, size_t value_len)
{
	return sum_octets(sum_octets(1, key, key_len), value, value_len);
}
