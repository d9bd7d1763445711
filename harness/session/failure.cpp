#include <torch/types.h>

#include <clb/base/error.hpp>
#include <clb/sdk/nn_error.hpp>
#include <clb/session/checkpoint.hpp>
#include <clb/session/failure.hpp>
#include <filesystem>
#include <new>

namespace clb::session {

base::Failed current_failure() {
  const auto failed = [](const char* status, const std::string& text, const std::string& file = "", int64_t line = 0,
                         bool of_user = false) {
    return base::Failed{.status = status, .text = text, .file = file, .line = line, .task = -1, .phase = {}, .of_user = of_user};
  };
  try {
    throw;
  } catch (const PluginError& e) {
    const bool refused = e.told_by_plugin() && (e.status() == CLB_E_INVALID || e.status() == CLB_E_UNSUPPORTED);
    return failed(status_name(e.status()), e.what(), e.file(), e.line(), refused);
  } catch (const CheckpointError& e) {
    return failed("checkpoint", e.what());
  } catch (const nn::Error& e) {
    return failed(status_name(status_of(e.kind())), e.what(), "", 0, e.exit() == base::Exit::kUserMistake);
  } catch (const base::Error& e) {
    return failed("io", e.what());
  } catch (const c10::OutOfMemoryError& e) {
    return failed("no_memory", e.what_without_backtrace());
  } catch (const c10::Error& e) {
    return failed("internal", e.what_without_backtrace());
  } catch (const std::filesystem::filesystem_error& e) {
    return failed("io", e.path1().string() + ": " + e.code().message());
  } catch (const std::bad_alloc&) {
    return failed("no_memory", "out of memory");
  } catch (const std::exception& e) {
    return failed("internal", e.what());
  } catch (...) {  // a plugin that throws through the border
    return failed("internal", "an exception of an unknown type");
  }
}

}  // namespace clb::session
