// Methods in Python. Python is the process: its program (tools/python) has loaded this code as a library and lends it functions, from which
// a table is made that differs in nothing from a shared library's (HACKING.md, "Methods in Python").
#pragma once

#include <clb/ext/features.h>
#include <clb/method.h>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

extern "C" {

// A file of a method: the method itself, or a module that its header names. `text` are the bytes that were hashed.
typedef struct clb_python_file {
  const char* path;
  const void* text;
  uint64_t size;
} clb_python_file;

// What Python lends; everything lives as long as the process. tools/python/clbench/_abi.py has the same struct.
typedef struct clb_python {
  uint32_t struct_size;
  uint32_t command_count;
  const char* const* command;  // starts such a process once more, its own arguments behind it
  const char* const* folders;  // from which Python reads modules
  uint32_t folder_count;
  uint32_t reserved;
  const char* versions;  // that belong to a plugin's hash: "Python 3.11.2, torch 2.11.0, numpy 2.4.1"
  const char* libtorch;  // version of a LibTorch that is not the one of clb-runner; "": it is
  // [session] Runs the text of the first file, which is the method, unless that has been done; the others are what it may import from
  // beside it. Called before every other function.
  clb_status (*load)(const clb_host* host, const clb_python_file* files, uint32_t count);
  const clb_method* functions;  // create to load, for the file that was loaded last
  const clb_extractor* extractor;
} clb_python;
}

namespace clb::session {

// nullptr: this process is none of Python's.
const clb_python* python();
void set_python(const clb_python* python);  // once, before anything is loaded

// The table of a method in Python, whose text has been run. Error when this process is none of Python's.
clb_method python_table(const std::string& file);

// How to start this program once more: its file, or what Python says.
std::vector<std::string> own_command();
std::vector<std::filesystem::path> python_folders();  // from which Python reads modules; none in other processes

// TORCH_VERSION, or what Python says: what cached features depend on.
std::string libtorch_version();

}  // namespace clb::session
