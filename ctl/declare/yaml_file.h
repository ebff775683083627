/*
 * ctl/declare/yaml_file.h: YAML as JSON values; the only module that uses libyaml. It also reads JSON, YAML's flow
 * style.
 *
 * It supports the YAML that people write by hand: mappings, lists, plain and quoted text, one document. Anchors,
 * aliases and tags are refused, because a few lines of them expand to any size.
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
 * Plain text becomes null (also "~" and empty), true, false, or a whole number in its usual notation; otherwise a
 * string.
 * ERROR_INVALID: "line 7: ..." for bad syntax, excessive size (YAML_MAX_*), a repeated key, or unsupported YAML.
 * Return: 0 and @ret, to be released by yaml_clear(), or -1.
 */
int
yaml_read(const char *text, size_t len, struct yaml_file *ret, struct error *err);

void
yaml_clear(struct yaml_file *file);
#define _cleanup_yaml_ _cleanup_(yaml_clear)

/*
 * The line, counted from 1, of @path ("a/b": the key b in the mapping a), or of the nearest mapping around it; 0:
 * unknown.
 */
int64_t
yaml_line(const struct yaml_file *file, const char *path);

/* Writes @value in block style; yaml_read() returns the same value. ERROR_IO. */
int
yaml_write(struct json_object *value, FILE *out, struct error *err);

#endif
