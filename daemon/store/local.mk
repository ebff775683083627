# daemon/store
libcertd_a_SOURCES += \
	daemon/store/backup_file.c daemon/store/backup_file.h \
	daemon/store/certificate.c daemon/store/certificate.h \
	daemon/store/compromised.c daemon/store/compromised.h \
	daemon/store/object.c daemon/store/object.h \
	daemon/store/object_classes.c \
	daemon/store/object_index.c daemon/store/object_index.h \
	daemon/store/object_query.c daemon/store/object_query.h \
	daemon/store/object_upgrade.c \
	daemon/store/record.c daemon/store/record.h daemon/store/record_private.h \
	daemon/store/record_decode.c \
	daemon/store/record_encode.c \
	daemon/store/setting.c daemon/store/setting.h \
	daemon/store/store.c daemon/store/store.h daemon/store/store_private.h \
	daemon/store/store_backup.c daemon/store/store_backup.h \
	daemon/store/store_commit.c \
	daemon/store/store_check.c daemon/store/store_check.h \
	daemon/store/store_crypt.c daemon/store/store_crypt.h \
	daemon/store/store_dir.c daemon/store/store_dir.h \
	daemon/store/store_guard.c daemon/store/store_guard.h \
	daemon/store/store_lmdb.c daemon/store/store_lmdb.h daemon/store/store_lmdb_private.h \
	daemon/store/store_lmdb_read.c \
	daemon/store/store_rekey.c daemon/store/store_rekey.h daemon/store/store_rekey_private.h \
	daemon/store/store_restore.c \
	daemon/store/store_sums.c daemon/store/store_sums.h \
	daemon/store/store_turn.c daemon/store/store_turn.h \
	daemon/store/store_walk.c
