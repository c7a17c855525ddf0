// Photos: the pictures and videos of this folder and of all folders in it, as albums.
import React from 'react';
import { Photos } from './photos.jsx';
import './style.css';

const photos = {
  title: 'Photos',
  // `photos.directory` is the folder that this module lies in, wherever in a larger tree that is.
  frame() {
    return <Photos directory={photos.directory} home={photos.O.path.replace(/\/?$/, '/')} title={photos.title} />;
  },
};

export default photos;
