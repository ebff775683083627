/*
 * tests/unit/dnsprovider/services.h: DNS services as their documentation describes them: what a change of the TXT value
 * "v1" at _acme-challenge.example.com looks like on the wire. The value "v2" of somebody else is there already.
 */
#ifndef TESTS_UNIT_DNSPROVIDER_SERVICES_H
#define TESTS_UNIT_DNSPROVIDER_SERVICES_H

#include <stdbool.h>
#include <stddef.h>

struct exchange {
	const char *call; /* NULL: there is none */
	int status;
	const char *body;
	const char *sent;   /* NULL: any */
	const char *header; /* NULL: as all calls */
	const char *cookie; /* that the answer sets; or NULL */
};

struct service {
	const char *kind;
	const char *endpoint;
	const char *header; /* that every call has; NULL: "Authorization: Bearer tok"; "": any; "none": no header */
	/* An API of procedures: how all calls begin. Then the calls below are the bodies. */
	const char *procedures;
	struct {
		const char *name;
		const char *value;
	} settings[8];
	struct exchange login; /* before all others */
	bool needs_zone;       /* it cannot find the zone itself */
	bool spares_list;      /* of the zones, when DNS knows the zone */
	const char *separator; /* between items; NULL: a comma */

	const char *zones_call; /* when DNS knows the zone; NULL: there is no list */
	const char *zones_name; /* in messages; NULL: "GET /" */
	const char *zones;      /* with $items */
	const char *zone;       /* with $zone and $id, the length of the name and 40: example.com has 51 */
	int page_size;          /* a page with so many zones has a successor */
	const char *zones_more; /* as .zones, when more pages follow; NULL: the same */
	const char *link;       /* header Link, likewise */
	const char *next_call;  /* of the second page */

	const char *list_call; /* of the records, or the record set */
	const char *list;      /* with $items */
	const char *item;      /* with $value and $id */
	const char *get_call;  /* of each record, with $record, if the list has only ids; the last one first */
	const char *record;    /* its answer, with $value and $id */
	const char *absent;    /* a set that does not exist: body with status 404; NULL: as an empty list */

	struct exchange add;
	struct exchange add_first;   /* to no other value; NULL: as .add */
	struct exchange remove;      /* with $record */
	struct exchange remove_last; /* NULL: as .remove */
	struct exchange after[3];    /* after each change */
	bool after_always;           /* also if there was nothing to change */
	struct exchange after_add;   /* of a value, or if it is there */

	const char *refusal; /* of wrong credentials */
	int refused;         /* status; 0: 401 */
	const char *words;   /* of .refusal */
	const char *told;    /* how the message names the refusal; NULL: "HTTP STATUS" */
	const char *expired; /* answer to a token that has expired, with status 200; NULL: .refusal with 401 */
};

extern const struct service services[];
extern const size_t services_count;

#endif
