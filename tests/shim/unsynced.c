/* A library to preload under a program that claims its data are durable. See README.md.
 *
 * Part one keeps a mirror of a directory tree that holds only what was synced:
 *
 *   file data         go to the mirror when the file is fsynced or fdatasynced
 *   directory entries go to the mirror when their directory is fsynced
 *
 * Everything hangs on inodes, never on paths or descriptors. Each inode under the tracked
 * directory has a node here and a twin in the store: a file `f<id>` with its synced bytes, or a
 * directory with its synced entries. The mirror is made of hard links to file twins; a directory
 * twin lies in the mirror once its own entry is synced, before that in the store. A twin can
 * therefore be filled before anything leads to it, as on a disk.
 *
 * Part two flips a byte in some of the reads of files under certain directories.
 *
 * The library itself always calls the kernel directly: nothing it does meets its own hooks.
 * Whatever it cannot do right ends the program, loudly: a wrong mirror would prove nothing. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* Long enough for the mirror's paths behind a tracked one. */
#define PATH_BYTES (2 * PATH_MAX)

static _Noreturn void die(const char *what, const char *path)
{
    char text[PATH_BYTES + 256];
    int length = snprintf(text, sizeof text, "unsynced: %s `%s`: %s\n", what, path, strerror(errno));
    (void)!syscall(SYS_write, 2, text, (size_t)(length < (int)sizeof text ? length : (int)sizeof text - 1));
    abort();
}

static void *grab(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (!memory) die("out of memory in", "calloc");
    return memory;
}

__attribute__((format(printf, 2, 3))) static void path_of(char *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out, PATH_BYTES, format, arguments);
    va_end(arguments);
    errno = ENAMETOOLONG;
    if (length < 0 || length >= PATH_BYTES) die("cannot name", format);
}

/* ---- Paths: only to learn where an unknown inode lies ---- */

static char track[PATH_BYTES], mirror[PATH_BYTES], store[PATH_BYTES];
static char flip_dirs[16][PATH_BYTES];
static int flip_count;
static uint64_t flip_seed, flip_rate = 10;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The path without links, as far as it exists; `out` may end in parts that do not. */
static bool canonical(const char *path, char *out)
{
    char head[PATH_BYTES], tail[PATH_BYTES] = "", real[PATH_MAX], grown[PATH_BYTES];
    if (strlen(path) >= PATH_MAX) return false;
    path_of(head, "%s", path);
    while (!realpath(head, real)) {
        char *slash = strrchr(head, '/');
        if (errno != ENOENT || !slash || slash == head) return false;
        if (slash[1]) {
            path_of(grown, "/%s%s", slash + 1, tail);
            path_of(tail, "%s", grown);
        }
        *slash = 0;
    }
    path_of(out, "%s%s", real, tail);
    return true;
}

static bool under(const char *path, const char *dir)
{
    size_t length = strlen(dir);
    return length && !strncmp(path, dir, length) && (path[length] == 0 || path[length] == '/');
}

/* Where an open descriptor's file lies now. */
static bool path_of_fd(int fd, char *out)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_BYTES - 1);
    if (length <= 0) return false;
    out[length] = 0;
    return true;
}

static bool absolute(int dirfd, const char *path, char *out)
{
    char dir[PATH_BYTES], whole[PATH_BYTES];
    if (path[0] == '/') return canonical(path, out);
    if (dirfd == AT_FDCWD ? !getcwd(dir, sizeof dir) : !path_of_fd(dirfd, dir)) return false;
    if (strlen(dir) + strlen(path) + 2 > PATH_MAX) return false;
    path_of(whole, "%s/%s", dir, path);
    return canonical(whole, out);
}

static void configure(void)
{
    const char *from = getenv("SHIM_TRACK"), *to = getenv("SHIM_MIRROR"), *flip = getenv("SHIM_FLIP");
    if (from && to) {
        if (!canonical(from, track)) die("SHIM_TRACK: no absolute path", from);
        if (!canonical(to, mirror)) die("SHIM_MIRROR: no absolute path", to);
        if (under(mirror, track)) die("SHIM_MIRROR lies under SHIM_TRACK", mirror);
        path_of(store, "%s.inodes", mirror);
    }
    if (flip) {
        char dirs[PATH_BYTES], *rest, *dir;
        path_of(dirs, "%s", flip);
        for (dir = strtok_r(dirs, ":", &rest); dir; dir = strtok_r(NULL, ":", &rest)) {
            if (flip_count == 16) die("SHIM_FLIP: more than 16 directories in", flip);
            if (!canonical(dir, flip_dirs[flip_count++])) die("SHIM_FLIP: no absolute path", dir);
        }
        flip_seed = getenv("SHIM_FLIP_SEED") ? strtoull(getenv("SHIM_FLIP_SEED"), NULL, 10) : 0;
        if (getenv("SHIM_FLIP_RATE")) flip_rate = strtoull(getenv("SHIM_FLIP_RATE"), NULL, 10);
        if (!flip_rate) die("SHIM_FLIP_RATE: one in how many?", "0");
    }
}

/* ---- Nodes: what is known of each inode ---- */

#define RANGES_MAX 64
#define NOT_CUT ((off_t)INT64_MAX)

struct range {
    off_t start, end;
};

struct entry {
    struct entry *next;
    struct node *node; /* NULL for a symbolic link */
    uint64_t turn;
    char *link;
    char name[];
};

struct node {
    struct node *next;
    dev_t dev;
    ino_t ino;
    bool is_dir;
    uint64_t id;
    pthread_mutex_t lock; /* guards the file half; the rest is guarded by `world` */

    /* A file: what was written since its last sync. More than needed does no harm, since clean
     * bytes are the same on both sides. */
    bool whole;
    off_t cut; /* the shortest it was made */
    int ranges_count;
    struct range ranges[RANGES_MAX];

    /* A directory: where its twin lies, and the entries that are synced. */
    bool is_root;
    struct node *parent;
    char *name;
    struct entry **entries;
    size_t buckets, entries_count;
    uint64_t turn;
};

#define NODE_BUCKETS 16384
static struct node *nodes[NODE_BUCKETS];
static uint64_t last_id;
static pthread_mutex_t world = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool seeded;

static struct node **bucket_of(dev_t dev, ino_t ino)
{
    return &nodes[((uint64_t)ino * 0x9e3779b97f4a7c15u ^ dev) % NODE_BUCKETS];
}

static struct node *find(dev_t dev, ino_t ino)
{
    for (struct node *node = *bucket_of(dev, ino); node; node = node->next)
        if (node->ino == ino && node->dev == dev) return node;
    return NULL;
}

/* A node for an inode nobody knew: nothing of it is synced yet. */
static struct node *make(dev_t dev, ino_t ino, bool is_dir, bool is_root)
{
    struct node *node = grab(sizeof *node), **bucket = bucket_of(dev, ino);
    char twin[PATH_BYTES];
    *node = (struct node){.next = *bucket, .dev = dev, .ino = ino, .is_dir = is_dir, .id = ++last_id,
                          .whole = true, .cut = 0, .is_root = is_root};
    pthread_mutex_init(&node->lock, NULL);
    *bucket = node;
    if (is_dir && !is_root) {
        path_of(twin, "%s/d%llu", store, (unsigned long long)node->id);
        if (syscall(SYS_mkdirat, AT_FDCWD, twin, 0777)) die("cannot make", twin);
    }
    return node;
}

/* The inode is gone: its number may come back as another. Its twin stays where it is linked. */
static void retire(const struct stat *gone)
{
    for (struct node **node = bucket_of(gone->st_dev, gone->st_ino); *node; node = &(*node)->next)
        if ((*node)->ino == gone->st_ino && (*node)->dev == gone->st_dev) {
            *node = (*node)->next; /* never freed: others may still look at it */
            return;
        }
}

static void mark(struct node *node, off_t start, off_t end)
{
    for (int i = 0; i < node->ranges_count; i++) {
        struct range *range = &node->ranges[i];
        if (start <= range->end && end >= range->start) {
            if (start < range->start) range->start = start;
            if (end > range->end) range->end = end;
            return;
        }
    }
    if (node->ranges_count == RANGES_MAX) {
        for (int i = 0; i < RANGES_MAX; i++) {
            if (node->ranges[i].start < start) start = node->ranges[i].start;
            if (node->ranges[i].end > end) end = node->ranges[i].end;
        }
        node->ranges_count = 0;
    }
    node->ranges[node->ranges_count++] = (struct range){start, end};
}

/* ---- Syncing a file ---- */

static void copy_range(int from, int to, off_t start, off_t end)
{
    enum { BLOCK = 1 << 20 };
    static _Thread_local char *buffer;
    if (!buffer) buffer = grab(BLOCK);
    while (start < end) {
        size_t wanted = end - start < BLOCK ? (size_t)(end - start) : BLOCK;
        ssize_t got = syscall(SYS_pread64, from, buffer, wanted, start);
        if (got < 0) die("cannot read a file of", track);
        if (got == 0) return; /* it was cut meanwhile */
        for (ssize_t done = 0; done < got;) {
            ssize_t put = syscall(SYS_pwrite64, to, buffer + done, (size_t)(got - done), start + done);
            if (put <= 0) die("cannot write into", store);
            done += put;
        }
        start += got;
    }
}

static int open_twin(struct node *node, mode_t mode)
{
    char twin[PATH_BYTES];
    path_of(twin, "%s/f%llu", store, (unsigned long long)node->id);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, twin, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || syscall(SYS_fchmod, fd, mode & 07777)) die("cannot open", twin);
    return fd;
}

static void sync_file(struct node *node, const char *path)
{
    struct stat now;
    pthread_mutex_lock(&node->lock);
    int from = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (from < 0 || fstat(from, &now)) die("cannot open", path);
    int to = open_twin(node, now.st_mode);
    if (node->cut != NOT_CUT && syscall(SYS_ftruncate, to, node->cut)) die("cannot cut a file in", store);
    if (node->whole) copy_range(from, to, 0, now.st_size);
    for (int i = 0; i < node->ranges_count && !node->whole; i++)
        copy_range(from, to, node->ranges[i].start, node->ranges[i].end);
    if (syscall(SYS_ftruncate, to, now.st_size)) die("cannot size a file in", store);
    node->whole = false;
    node->cut = NOT_CUT;
    node->ranges_count = 0;
    syscall(SYS_close, from);
    syscall(SYS_close, to);
    pthread_mutex_unlock(&node->lock);
}

/* ---- Syncing a directory ---- */

static void twin_of(struct node *dir, char *out)
{
    char above[PATH_BYTES];
    if (dir->is_root) {
        path_of(out, "%s", mirror);
    } else if (dir->parent) {
        twin_of(dir->parent, above);
        path_of(out, "%s/%s", above, dir->name);
    } else {
        path_of(out, "%s/d%llu", store, (unsigned long long)dir->id);
    }
}

static struct entry **slot(struct node *dir, const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *at = name; *at; at++) hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    struct entry **entry = &dir->entries[hash % dir->buckets];
    while (*entry && strcmp((*entry)->name, name)) entry = &(*entry)->next;
    return entry;
}

static void make_room(struct node *dir)
{
    if (dir->entries_count < dir->buckets) return;
    struct entry **old = dir->entries;
    size_t old_buckets = dir->buckets;
    dir->buckets = old_buckets ? old_buckets * 4 : 64;
    dir->entries = grab(dir->buckets * sizeof *dir->entries);
    for (size_t i = 0; i < old_buckets; i++)
        for (struct entry *entry = old[i], *next; entry; entry = next) {
            next = entry->next;
            entry->next = NULL;
            *slot(dir, entry->name) = entry;
        }
    free(old);
}

static void forget(struct entry **at)
{
    struct entry *entry = *at;
    *at = entry->next;
    free(entry->link);
    free(entry);
}

static void move(const char *from, const char *to)
{
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0)) die("cannot move a twin to", to);
}

/* Takes what an entry led to out of the mirror; a directory's twin waits in the store. */
static void unplace(struct node *dir, struct entry *entry)
{
    char above[PATH_BYTES], from[PATH_BYTES], to[PATH_BYTES];
    twin_of(dir, above);
    path_of(from, "%s/%s", above, entry->name);
    if (entry->node && entry->node->is_dir) {
        path_of(to, "%s/d%llu", store, (unsigned long long)entry->node->id);
        move(from, to);
        entry->node->parent = NULL;
    } else if (syscall(SYS_unlinkat, AT_FDCWD, from, 0)) {
        die("cannot remove", from);
    }
}

static void place_file(struct node *file, const char *to)
{
    char twin[PATH_BYTES], spare[PATH_BYTES];
    path_of(twin, "%s/f%llu", store, (unsigned long long)file->id);
    path_of(spare, "%s/spare", store);
    if (syscall(SYS_faccessat, AT_FDCWD, twin, F_OK)) syscall(SYS_close, open_twin(file, 0600));
    if (syscall(SYS_linkat, AT_FDCWD, twin, AT_FDCWD, spare, 0)) die("cannot link", spare);
    /* In one step over what was there: a program that renames must never find neither. */
    move(spare, to);
}

static void place_dir(struct node *dir, struct node *child, const char *name, const char *to)
{
    char from[PATH_BYTES];
    twin_of(child, from);
    move(from, to);
    if (child->parent) {
        forget(slot(child->parent, child->name));
        child->parent->entries_count--;
    }
    child->parent = dir;
    free(child->name);
    child->name = strdup(name);
}

/* Makes the entry `name` of the twin lead to `node`, or to nowhere but `link`. */
static void place(struct node *dir, const char *name, struct node *node, const char *link)
{
    char above[PATH_BYTES], to[PATH_BYTES];
    make_room(dir);
    struct entry **at = slot(dir, name), *entry = *at;
    if (entry && entry->node == node && (!link || !strcmp(entry->link, link))) {
        entry->turn = dir->turn;
        return;
    }
    twin_of(dir, above);
    path_of(to, "%s/%s", above, name);
    if (entry && !(node && !node->is_dir && entry->node && !entry->node->is_dir)) unplace(dir, entry);
    if (entry) {
        forget(at);
        dir->entries_count--;
    }
    if (!node) {
        if (syscall(SYS_symlinkat, link, AT_FDCWD, to)) die("cannot link", to);
    } else if (node->is_dir) {
        place_dir(dir, node, name, to);
    } else {
        place_file(node, to);
    }
    entry = grab(sizeof *entry + strlen(name) + 1);
    strcpy(entry->name, name);
    entry->node = node;
    entry->link = link ? strdup(link) : NULL;
    entry->turn = dir->turn;
    *slot(dir, name) = entry;
    dir->entries_count++;
}

/* SQLite's shared memory is scratch by design: it is made anew at every start. */
static bool is_volatile(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && !strcmp(name + length - 4, "-shm");
}

static void place_found(struct node *dir, int fd, const struct dirent *found)
{
    struct stat at;
    char link[PATH_MAX + 1];
    bool is_file = found->d_type == DT_REG;
    at.st_dev = dir->dev, at.st_ino = found->d_ino;
    /* Of files the number is enough, and there are many. */
    if (!is_file && fstatat(fd, found->d_name, &at, AT_SYMLINK_NOFOLLOW)) {
        if (errno == ENOENT) return;
        die("cannot look at", found->d_name);
    }
    if (is_file || S_ISREG(at.st_mode) || S_ISDIR(at.st_mode)) {
        struct node *node = find(at.st_dev, at.st_ino);
        if (!node) node = make(at.st_dev, at.st_ino, !is_file && S_ISDIR(at.st_mode), false);
        place(dir, found->d_name, node, NULL);
    } else if (S_ISLNK(at.st_mode)) {
        ssize_t length = syscall(SYS_readlinkat, fd, found->d_name, link, PATH_MAX);
        if (length < 0) die("cannot read the link", found->d_name);
        link[length] = 0;
        place(dir, found->d_name, NULL, link);
    }
}

/* Makes the twin's entries those the directory has now: first all that came, then all that went,
 * so that a program killed in between finds a renamed file under one name at least. */
static void sync_dir(struct node *dir, const char *path)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) die("cannot list", path);
    dir->turn++;
    for (struct dirent *found; (found = readdir(stream));)
        if (strcmp(found->d_name, ".") && strcmp(found->d_name, "..") && !is_volatile(found->d_name))
            place_found(dir, fd, found);
    closedir(stream);
    for (size_t i = 0; i < dir->buckets; i++)
        for (struct entry **at = &dir->entries[i]; *at;) {
            if ((*at)->turn == dir->turn) {
                at = &(*at)->next;
            } else {
                unplace(dir, *at);
                forget(at);
                dir->entries_count--;
            }
        }
}

/* ---- The beginning: what lies there before the first change counts as synced ---- */

static void settle(struct node *dir, const char *path)
{
    char below[PATH_BYTES];
    sync_dir(dir, path);
    for (size_t i = 0; i < dir->buckets; i++)
        for (struct entry *entry = dir->entries[i]; entry; entry = entry->next) {
            if (!entry->node) continue;
            path_of(below, "%s/%s", path, entry->name);
            if (entry->node->is_dir) settle(entry->node, below);
            else sync_file(entry->node, below);
        }
}

static void seed(void)
{
    struct stat root;
    errno = EEXIST;
    if (syscall(SYS_mkdirat, AT_FDCWD, mirror, 0777)) die("remove the old mirror first:", mirror);
    if (syscall(SYS_mkdirat, AT_FDCWD, store, 0777)) die("remove the old store first:", store);
    if (!stat(track, &root)) settle(make(root.st_dev, root.st_ino, true, true), track);
}

/* Called before whatever may change something; cheap once there was a first change. */
static void about_to_change(int dirfd, const char *path)
{
    char where[PATH_BYTES];
    int kept = errno;
    pthread_once(&once, configure);
    if (*track && !atomic_load(&seeded) && absolute(dirfd, path, where) && under(where, track)) {
        pthread_mutex_lock(&world);
        if (!atomic_load(&seeded)) seed();
        atomic_store(&seeded, true);
        pthread_mutex_unlock(&world);
    }
    errno = kept;
}

/* The node of an open file or directory under the tracked one, else NULL. Keeps errno. */
static struct node *node_of(int fd)
{
    struct stat now;
    char path[PATH_BYTES];
    struct node *node = NULL;
    int kept = errno;
    if (!atomic_load(&seeded)) return NULL;
    /* Without a name it is nobody's; the kernel reuses its number only when it is closed. */
    if (!fstat(fd, &now) && (S_ISREG(now.st_mode) || S_ISDIR(now.st_mode)) && now.st_nlink > 0) {
        pthread_mutex_lock(&world);
        node = find(now.st_dev, now.st_ino);
        if (!node && path_of_fd(fd, path) && under(path, track) && !is_volatile(path))
            node = make(now.st_dev, now.st_ino, S_ISDIR(now.st_mode), !strcmp(path, track));
        pthread_mutex_unlock(&world);
    }
    errno = kept;
    return node;
}

/* ---- Hooks: data ---- */

static bool appends(int fd)
{
    return fcntl(fd, F_GETFL) & O_APPEND;
}

/* Behind a write at the descriptor's own position, under the node's lock so that it is known. */
static ssize_t wrote_here(struct node *node, int fd, ssize_t count)
{
    int kept = errno;
    off_t end = lseek(fd, 0, SEEK_CUR);
    if (count > 0) mark(node, end - count, end);
    pthread_mutex_unlock(&node->lock);
    errno = kept;
    return count;
}

/* Behind a write at a given position (which appending descriptors do not heed). */
static ssize_t wrote_at(struct node *node, int fd, off_t start, ssize_t count)
{
    int kept = errno;
    if (node && count > 0) {
        pthread_mutex_lock(&node->lock);
        if (appends(fd)) node->whole = true, node->cut = 0;
        else mark(node, start, start + count);
        pthread_mutex_unlock(&node->lock);
    }
    errno = kept;
    return count;
}

static int cut_to(struct node *node, off_t length, int result)
{
    if (node && !result) {
        pthread_mutex_lock(&node->lock);
        if (length < node->cut) node->cut = length;
        pthread_mutex_unlock(&node->lock);
    }
    return result;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t count)
{
    struct node *node = node_of(fd);
    if (!node) return syscall(SYS_write, fd, bytes, count);
    pthread_mutex_lock(&node->lock);
    return wrote_here(node, fd, syscall(SYS_write, fd, bytes, count));
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    struct node *node = node_of(fd);
    if (!node) return syscall(SYS_writev, fd, parts, count);
    pthread_mutex_lock(&node->lock);
    return wrote_here(node, fd, syscall(SYS_writev, fd, parts, count));
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t start)
{
    return wrote_at(node_of(fd), fd, start, syscall(SYS_pwrite64, fd, bytes, count, start));
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t count, off_t start)
{
    return pwrite64(fd, bytes, count, start);
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t start)
{
    return wrote_at(node_of(fd), fd, start, syscall(SYS_pwritev, fd, parts, count, start, 0L));
}

EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t start)
{
    return pwritev64(fd, parts, count, start);
}

EXPORT ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t count, unsigned flags)
{
    struct node *node = node_of(out);
    off64_t start = out_at ? *out_at : 0;
    if (!node || out_at)
        return wrote_at(node, out, start, syscall(SYS_copy_file_range, in, in_at, out, out_at, count, flags));
    pthread_mutex_lock(&node->lock);
    return wrote_here(node, out, syscall(SYS_copy_file_range, in, in_at, out, out_at, count, flags));
}

EXPORT ssize_t sendfile64(int out, int in, off64_t *in_at, size_t count)
{
    struct node *node = node_of(out);
    if (!node) return syscall(SYS_sendfile, out, in, in_at, count);
    pthread_mutex_lock(&node->lock);
    return wrote_here(node, out, syscall(SYS_sendfile, out, in, in_at, count));
}

EXPORT ssize_t sendfile(int out, int in, off_t *in_at, size_t count)
{
    return sendfile64(out, in, in_at, count);
}

EXPORT int ftruncate64(int fd, off64_t length)
{
    return cut_to(node_of(fd), length, (int)syscall(SYS_ftruncate, fd, length));
}

EXPORT int ftruncate(int fd, off_t length)
{
    return ftruncate64(fd, length);
}

EXPORT int truncate64(const char *path, off64_t length)
{
    int fd = open64(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = ftruncate64(fd, length), kept = errno;
    syscall(SYS_close, fd);
    errno = kept;
    return result;
}

EXPORT int truncate(const char *path, off_t length)
{
    return truncate64(path, length);
}

EXPORT int fallocate64(int fd, int mode, off64_t start, off64_t length)
{
    struct node *node = node_of(fd);
    int result = (int)syscall(SYS_fallocate, fd, mode, start, length);
    /* Plain growth shows in the size; every other mode moves or blanks bytes. */
    if (node && !result && mode) {
        pthread_mutex_lock(&node->lock);
        node->whole = true, node->cut = 0;
        pthread_mutex_unlock(&node->lock);
    }
    return result;
}

EXPORT int fallocate(int fd, int mode, off_t start, off_t length)
{
    return fallocate64(fd, mode, start, length);
}

static int synced(int fd, long number)
{
    char path[64];
    struct node *node = node_of(fd);
    /* What is not tracked is the kernel's; what is, the mirror stands for the disk. */
    if (!node) return (int)syscall(number, fd);
    int kept = errno;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (node->is_dir) {
        pthread_mutex_lock(&world);
        sync_dir(node, path);
        pthread_mutex_unlock(&world);
    } else {
        sync_file(node, path);
    }
    errno = kept;
    return 0;
}

EXPORT int fsync(int fd)
{
    return synced(fd, SYS_fsync);
}

EXPORT int fdatasync(int fd)
{
    return synced(fd, SYS_fdatasync);
}

/* ---- Hooks: names ---- */

static int open_at(int dirfd, const char *path, int flags, mode_t mode)
{
    if (flags & (O_CREAT | O_TRUNC) || (flags & O_ACCMODE) != O_RDONLY) about_to_change(dirfd, path);
    int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
    if (fd >= 0 && flags & O_TRUNC) cut_to(node_of(fd), 0, 0);
    return fd;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name, ...)                               \
    {                                                 \
        va_list arguments;                            \
        va_start(arguments, flags);                   \
        mode_t mode = mode_of(flags, arguments);      \
        va_end(arguments);                            \
        return open_at(__VA_ARGS__, flags, mode);     \
    }

EXPORT int open(const char *path, int flags, ...) OPEN(open, AT_FDCWD, path)
EXPORT int open64(const char *path, int flags, ...) OPEN(open64, AT_FDCWD, path)
EXPORT int openat(int dirfd, const char *path, int flags, ...) OPEN(openat, dirfd, path)
EXPORT int openat64(int dirfd, const char *path, int flags, ...) OPEN(openat64, dirfd, path)

EXPORT int creat64(const char *path, mode_t mode)
{
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int creat(const char *path, mode_t mode)
{
    return creat64(path, mode);
}

/* What a name leads to, if losing that name is the end of it. */
static bool last_name(int dirfd, const char *path, struct stat *of)
{
    return !fstatat(dirfd, path, of, AT_SYMLINK_NOFOLLOW) && (S_ISDIR(of->st_mode) || of->st_nlink == 1);
}

EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
    struct stat gone;
    about_to_change(dirfd, path);
    /* Under the lock, so that nobody meets the number again before the node is retired. */
    pthread_mutex_lock(&world);
    bool last = atomic_load(&seeded) && last_name(dirfd, path, &gone);
    int result = (int)syscall(SYS_unlinkat, dirfd, path, flags), kept = errno;
    if (last && !result) retire(&gone);
    pthread_mutex_unlock(&world);
    errno = kept;
    return result;
}

EXPORT int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

EXPORT int remove(const char *path)
{
    int result = unlink(path);
    return result && errno == EISDIR ? rmdir(path) : result;
}

EXPORT int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    struct stat gone, moved;
    about_to_change(from_fd, from);
    about_to_change(to_fd, to);
    pthread_mutex_lock(&world);
    bool last = atomic_load(&seeded) && !(flags & RENAME_EXCHANGE) && last_name(to_fd, to, &gone);
    /* Two names of one file: nothing goes. */
    if (last && !fstatat(from_fd, from, &moved, AT_SYMLINK_NOFOLLOW))
        last = moved.st_ino != gone.st_ino || moved.st_dev != gone.st_dev;
    int result = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags), kept = errno;
    if (last && !result) retire(&gone);
    pthread_mutex_unlock(&world);
    errno = kept;
    return result;
}

EXPORT int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return renameat2(from_fd, from, to_fd, to, 0);
}

EXPORT int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    about_to_change(to_fd, to);
    return (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
}

EXPORT int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int symlinkat(const char *target, int dirfd, const char *path)
{
    about_to_change(dirfd, path);
    return (int)syscall(SYS_symlinkat, target, dirfd, path);
}

EXPORT int symlink(const char *target, const char *path)
{
    return symlinkat(target, AT_FDCWD, path);
}

EXPORT int mkdirat(int dirfd, const char *path, mode_t mode)
{
    about_to_change(dirfd, path);
    return (int)syscall(SYS_mkdirat, dirfd, path, mode);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* ---- Part two: reads that lie ---- */

static atomic_uint_fast64_t reads;

static uint64_t draw(uint64_t number)
{
    uint64_t z = flip_seed + (number + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool lies(int fd)
{
    struct stat now;
    char path[PATH_BYTES];
    pthread_once(&once, configure);
    if (!flip_count || fstat(fd, &now) || !S_ISREG(now.st_mode) || !path_of_fd(fd, path)) return false;
    for (int i = 0; i < flip_count; i++)
        if (under(path, flip_dirs[i])) return true;
    return false;
}

/* Flips a byte of the `count` that were read, when it is this read's turn. */
static ssize_t perhaps_flip(int fd, const struct iovec *parts, ssize_t count)
{
    int kept = errno;
    if (count > 0 && lies(fd)) {
        uint64_t drawn = draw(atomic_fetch_add(&reads, 1));
        size_t at = (size_t)(drawn / flip_rate % (uint64_t)count);
        while (at >= parts->iov_len) at -= parts++->iov_len;
        if (drawn % flip_rate == 0) ((unsigned char *)parts->iov_base)[at] ^= 1 + (drawn >> 32) % 255;
    }
    errno = kept;
    return count;
}

EXPORT ssize_t read(int fd, void *bytes, size_t count)
{
    struct iovec part = {bytes, count};
    return perhaps_flip(fd, &part, syscall(SYS_read, fd, bytes, count));
}

EXPORT ssize_t readv(int fd, const struct iovec *parts, int count)
{
    return perhaps_flip(fd, parts, syscall(SYS_readv, fd, parts, count));
}

EXPORT ssize_t pread64(int fd, void *bytes, size_t count, off64_t start)
{
    struct iovec part = {bytes, count};
    return perhaps_flip(fd, &part, syscall(SYS_pread64, fd, bytes, count, start));
}

EXPORT ssize_t pread(int fd, void *bytes, size_t count, off_t start)
{
    return pread64(fd, bytes, count, start);
}

EXPORT ssize_t preadv64(int fd, const struct iovec *parts, int count, off64_t start)
{
    return perhaps_flip(fd, parts, syscall(SYS_preadv, fd, parts, count, start, 0L));
}

EXPORT ssize_t preadv(int fd, const struct iovec *parts, int count, off_t start)
{
    return preadv64(fd, parts, count, start);
}
