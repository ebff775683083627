# ctl/declare: declarations as files: reading, comparing, applying.
libctl_a_SOURCES += \
	ctl/declare/apply.h \
	ctl/declare/apply_input.c \
	ctl/declare/apply_run.c \
	ctl/declare/apply_show.c \
	ctl/declare/current.c ctl/declare/current.h \
	ctl/declare/declaration.c ctl/declare/declaration.h \
	ctl/declare/declaration_secret.c \
	ctl/declare/plan.c ctl/declare/plan.h \
	ctl/declare/tsig_file.c ctl/declare/tsig_file.h \
	ctl/declare/yaml_file.c ctl/declare/yaml_file.h
