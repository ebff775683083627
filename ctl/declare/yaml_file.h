/*
 * ctl/declare/yaml_file.h: YAML as JSON values; the door to libyaml. JSON is read too: it is YAML's flow style.
 *
 * Of YAML is left what a person writes by hand: mappings, lists, plain and quoted text, one document. Anchors, aliases
 * and tags are refused: a few lines of them grow to any size.
 */
#ifndef CTL_DECLARE_YAML_FILE_H
#define CTL_DECLARE_YAML_FILE_H

#include "common/json.h"

#include <stdio.h>

enum { YAML_MAX_DEPTH = 16, YAML_MAX_SIZE = 4 * 1024 * 1024 };

struct yaml_file {
	struct json_object *root;  /* owned; a mapping */
	struct json_object *lines; /* owned; for yaml_line() */
};

/*
 * yaml_read() - read one document whose outermost value is a mapping
 * Plain text is null (also "~" and nothing at all), true, false, or a whole number as one writes it; else a string.
 * ERROR_INVALID: "line 7: ..." for bad syntax, too much of it (YAML_MAX_*), a key that is there twice, and what is left
 * out of YAML. Return: 0 and @ret, to be released by yaml_clear(), or -1.
 */
int
yaml_read(const char *text, size_t len, struct yaml_file *ret, struct error *err);

void
yaml_clear(struct yaml_file *file);
#define _cleanup_yaml_ _cleanup_(yaml_clear)

/* The line, counted from 1, of @path ("a/b": the key b in the mapping a), or of the nearest mapping that holds it; 0: not known. */
int64_t
yaml_line(const struct yaml_file *file, const char *path);

/* @value in block style; yaml_read() gives the same value back. ERROR_IO. */
int
yaml_write(struct json_object *value, FILE *out, struct error *err);

#endif
