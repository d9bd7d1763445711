/* clb/param.h: typed values, the schema of a plugin's parameters, and the settings that the host passes to `create`.
 *
 * The schema lives in the plugin's table as constants (valid for the life of the process). The host checks types, ranges, choices and
 * list lengths, and fills in defaults, before it calls `create`: a plugin receives one setting per parameter, in schema order.
 */
#ifndef CLB_PARAM_H
#define CLB_PARAM_H

#include "abi.h"

#define CLB_TYPE_BOOL 1u       /* as.i: 0 or 1 */
#define CLB_TYPE_INT 2u        /* as.i */
#define CLB_TYPE_FLOAT 3u      /* as.f, finite */
#define CLB_TYPE_STRING 4u     /* as.s */
#define CLB_TYPE_CHOICE 5u     /* as.s, one of clb_param.choices */
#define CLB_TYPE_INT_LIST 6u   /* as.ints, count elements */
#define CLB_TYPE_FLOAT_LIST 7u /* as.floats, count elements */
#define CLB_TYPE_STRING_LIST 8u /* as.strings, count elements; of clb_param.choices where there are any */

#define CLB_COUNTS_BLOCKS 1u /* blocks of the network of role main */

#ifdef __cplusplus
extern "C" {
#endif

/* A tagged union of 16 bytes on every 64-bit platform. Pointers are borrowed from whoever holds the value. */
typedef struct clb_value {
  uint32_t type;  /* CLB_TYPE_* */
  uint32_t count; /* elements of a list, else 0 */
  union {
    int64_t i;
    double f;
    const char* s;
    const int64_t* ints;
    const double* floats;
    const char* const* strings;
  } as;
} clb_value;

/* What a value of a parameter claims for the run. */
typedef struct clb_implication {
  uint32_t struct_size;
  uint32_t reserved;     /* 0 */
  clb_value when;        /* of the parameter's type */
  uint64_t capabilities; /* CLB_CAP_* */
} clb_implication;

typedef struct clb_param {
  uint32_t struct_size;
  uint32_t choice_count;
  const char* name;           /* [a-z][a-z0-9_]* */
  const char* help;           /* one sentence */
  clb_value default_value;    /* its type is the parameter's type */
  double min, max;            /* inclusive; of each element of a list; ignored for bool, string and choice */
  const char* const* choices; /* choice_count names, for CLB_TYPE_CHOICE */
  uint64_t implies;           /* CLB_CAP_* that the run claims in addition when the value equals implied_when; 0: none */
  clb_value implied_when;     /* of the parameter's type; ignored when implies is 0 */
  uint32_t counts;            /* CLB_COUNTS_*, for CLB_TYPE_INT: the host refuses more than there are before anything starts */
  uint32_t reserved;          /* 0 */
  clb_value neutral;          /* the value that means "as before this parameter existed"; type 0: none, as of those that were always
                                 there. At it the parameter is part of no key, so that runs from before and runs that do not use it are
                                 one run; it never changes. May differ from default_value: then runs that say nothing are new ones. */
  const char* group;          /* the heading under which help shows it; NULL: none */
  const clb_implication* implications; /* further values that imply something; implication_count elements */
  uint32_t implication_count;
  uint32_t implication_stride;
} clb_param;

typedef struct clb_setting {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */
  const char* name;
  clb_value value;
} clb_setting;

#ifdef __cplusplus
}
#endif
#endif
