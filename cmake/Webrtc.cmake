# Debian's archive of libwebrtc, so that src/rtc/dcsctp.cpp can stand in for two functions of it: a copy in which they are
# weak. The library was built with its checks switched on, and these walk through all outstanding data several times for
# each packet, and through all that is queued for each message.
get_target_property(archive tg_owt::tg_owt LOCATION)
set(own_archive ${CMAKE_BINARY_DIR}/libwebrtc.a)
if(CMAKE_OBJCOPY AND archive MATCHES "\\.a$" AND
   (${archive} IS_NEWER_THAN ${own_archive} OR ${CMAKE_CURRENT_LIST_FILE} IS_NEWER_THAN ${own_archive}))
  message(STATUS "Copying ${archive}")
  execute_process(
    COMMAND ${CMAKE_OBJCOPY} --weaken-symbol=_ZNK6dcsctp15OutstandingData12IsConsistentEv
      --weaken-symbol=_ZNK6dcsctp11RRSendQueue14OutgoingStream12IsConsistentEv ${archive} ${own_archive}
    RESULT_VARIABLE failed)
  if(failed)
    file(REMOVE ${own_archive})
  endif()
endif()

set(OWNDIR_DCSCTP_MENDED OFF)
if(EXISTS ${own_archive})
  set(OWNDIR_DCSCTP_MENDED ON)
  get_target_property(configurations tg_owt::tg_owt IMPORTED_CONFIGURATIONS)
  foreach(configuration ${configurations})
    set_target_properties(tg_owt::tg_owt PROPERTIES IMPORTED_LOCATION_${configuration} ${own_archive})
  endforeach()
endif()
