// libcurl, loaded when something is fetched. Linked, it would bring thirty further libraries into every start of clbench, and onto every
// machine that clbench runs on; and its own libcrypto beside the one that is linked statically.
#pragma once

#include <curl/curl.h>

namespace clb::fetch {

struct CurlLibrary {
  decltype(&curl_global_init) global_init;
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_perform) easy_perform;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
};

const CurlLibrary& curl_library();  // Error: it is not installed

}  // namespace clb::fetch
