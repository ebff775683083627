/*
 * common/api/kinds.h: resources whose objects are of several kinds, each with settings of its own. The properties of
 * such a resource in the API, and with them certctl's options, help and manual page, the stored record and its checks
 * are made from its table of kinds.
 */
#ifndef COMMON_API_KINDS_H
#define COMMON_API_KINDS_H

#include "common/api/api.h"

/*
 * Settings are texts (API_STRING, API_ENUM, API_PATH), lists (API_STRLIST), flags (API_BOOL) or API_SECRET. A name that
 * several kinds use is one property of the API and must have the same type in all of them; help and default may differ.
 */
struct api_kind {
	const char *name;
	const char *help;                 /* one line */
	const struct api_field *settings; /* API_REQUIRED: for this kind; .fallback: what its code does without it */
};

struct api_kinds {
	const char *property; /* of the resource: the word of the kind */
	const struct api_kind *items;
	size_t count;
	bool has_default; /* an object without that property is of the first kind */
	/* For many kinds, whose descriptions are too long for help texts: */
	const char *manual;             /* where each kind is described; NULL: in the help of the properties */
	const struct api_field *shared; /* name and help of settings of nearly all kinds, then; or NULL */
};

/* @name: NULL selects the default kind. Return: the kind; NULL if @name is unknown or no default exists. */
const struct api_kind *
api_kind_find(const struct api_kinds *kinds, const char *name);

/* The setting @name of @kind (NULL: of any kind); NULL if there is none. */
const struct api_field *
api_kind_setting(const struct api_kinds *kinds, const struct api_kind *kind, const char *name);

enum { API_KINDS_PROPERTIES = 64 };

/*
 * All properties of such a resource, to be called before main(): @head, in which the help of the property of the kind
 * gets the kinds' help, the settings of all kinds, and @tail.
 */
void
api_kinds_fill(const struct api_kinds *kinds, const struct api_field *head, const struct api_field *tail,
	struct api_field ret[API_KINDS_PROPERTIES]);

#endif
